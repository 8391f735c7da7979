"""Triton's kernels, for CUDA; with `triton_*` the only importer of triton.

`TRITON_INTERPRET=1`, set before triton comes in, runs them on the CPU, slowly, for tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor
from triton import language as tl

from hgl.errors import ConfigError
from hgl.ops.backends import interpreted, triton_attention, triton_pieces, triton_sums
from hgl.ops.backends.two_passes import two_passes

TILE = 4_096
"""Numbers that a program holds at a time."""
MOST_EDGES = 32
"""Edges it takes at a time at most: most segments have fewer, and places beyond are idle."""
MOST_SCORES = 128
"""The same where an edge has one number per head alone."""
CUT = 2_048
"""Longer segments are cut into pieces, each its own program's."""
MOST_COLUMNS = 1_024
"""Columns it takes at a time at most, unless one head alone has more."""
NUMBERS_PER_WARP, MOST_WARPS = 1_024, 4


def weighted_sum(x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    out = x.new_empty(ptr.numel() - 1, *x.shape[1:])
    _sum_rows(x, weight.contiguous(), src, ptr, out)
    return out


def row_sum(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    return _segment_sum(x, src, ptr, x.dtype)


def softmax(score: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    score = score.contiguous()
    out = torch.empty_like(score)
    _launch(triton_attention.softmax, ptr.numel() - 1, _Block.of(score), score, ptr, out)
    return out


def softmax_backward(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    weight, grad = weight.contiguous(), grad.contiguous()
    out = torch.empty_like(weight)
    block, args = _Block.of(weight), (weight, grad, ptr, out)
    _launch(triton_attention.softmax_backward, ptr.numel() - 1, block, *args)
    return out


def edge_dot(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    out = a.new_empty(src.numel(), a.shape[1])
    ends = (a.contiguous(), b.contiguous())
    programs = len(a) + _cuts(src)
    _launch(triton_sums.dot_edges, programs, _Block.of(a), *ends, src, ptr, len(a), out, CUT=CUT)
    return out


weighted_sum_backward = two_passes(weighted_sum, edge_dot)


def attend(
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    sender: Tensor | None,
    ptr: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """See `FusedBackend`: one pass over the edges."""
    count, block, cuts = ptr.numel() - 1, _Block.of(x), _cuts(src)
    out = x.new_empty(count, *x.shape[1:])
    peak, total = (out.new_empty(out.shape[:2], dtype=block.sum_type) for _ in range(2))
    partial = _partial(x, cuts)
    parts = (partial, *(torch.empty_like(partial[:, :, 0]) for _ in range(2)))
    _launch(
        triton_attention.attend,
        count + cuts,
        block,
        *(x.contiguous(), score_src.contiguous(), score_dst.contiguous()),
        *(None if edge is None else edge.contiguous(), src, sender),
        *(ptr, count, out, peak, total, *parts),
        CUT=CUT,
        SLOPE=negative_slope,
    )
    _launch(triton_pieces.combine, cuts, block, ptr, count, *parts, out, peak, total, CUT=CUT)
    return out, peak, total


def attend_backward(
    grad: Tensor,
    out: Tensor,
    peak: Tensor,
    total: Tensor,
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    ptr: Tensor,
    back: tuple[Tensor, Tensor, Tensor],
    sender: Tensor | None,
    sender_back: tuple[Tensor, Tensor],
    negative_slope: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """See `FusedBackend`: one pass over the edges by source, then sums of [edges, heads]."""
    grad, x, (back_segment, back_ptr, back_edge) = grad.contiguous(), x.contiguous(), back
    block, cuts = _Block.of(x), _cuts(back_edge)
    grad_x, partial = torch.empty_like(x), _partial(x, cuts)
    grad_score = x.new_empty(back_edge.numel(), x.shape[1], dtype=block.sum_type)
    _launch(
        triton_attention.attend_backward,
        len(x) + cuts,
        block,
        *(grad, _row_dot(grad, out), peak, total),
        *(x, score_src.contiguous(), score_dst.contiguous()),
        *(None if edge is None else edge.contiguous(), sender),
        *(back_segment, back_ptr, back_edge, len(x), grad_x, grad_score, partial),
        CUT=CUT,
        SLOPE=negative_slope,
    )
    _combine(back_ptr, partial, cuts, grad_x)
    sender_ptr, sender_edge = sender_back
    of_src = _segment_sum(grad_score, sender_edge, sender_ptr, score_src.dtype)
    of_dst = _segment_sum(grad_score, None, ptr, score_dst.dtype)
    return grad_x, of_src, of_dst, grad_score


def _segment_sum(x: Tensor, src: Tensor | None, ptr: Tensor, dtype: torch.dtype) -> Tensor:
    """Sum rows ([n, columns]) in one piece, or those that `src` lists."""
    out = x.new_empty(ptr.numel() - 1, 1, x.shape[1], dtype=dtype)
    _sum_rows(x.unsqueeze(1), None, src, ptr, out)
    return out.squeeze(1)


def _sum_rows(
    x: Tensor, weight: Tensor | None, src: Tensor | None, ptr: Tensor, out: Tensor
) -> None:
    cuts = _cuts(x if src is None else src)
    partial, args = _partial(x, cuts), (x.contiguous(), weight, src, ptr, len(out), out)
    _launch(triton_sums.sum_rows, len(out) + cuts, _Block.of(x), *args, partial, CUT=CUT)
    _combine(ptr, partial, cuts, out)


def _row_dot(a: Tensor, b: Tensor) -> Tensor:
    """[rows, heads] dots of two contiguous [rows, heads, channels]."""
    block = _Block.of(a)
    out = a.new_empty(a.shape[:2], dtype=block.sum_type)
    _launch(triton_sums.dot_rows, len(a), block, a, b, out)
    return out


def _cuts(edges: Tensor) -> int:
    """Where segments of so many edges may be cut."""
    return max(0, len(edges) - 1) // CUT


def _partial(x: Tensor, cuts: int) -> Tensor:
    """[slots, heads, channels] for the sums of pieces, two slots between any two cuts."""
    kind = torch.promote_types(x.dtype, torch.float32)
    return x.new_empty(2 * (cuts + 1), *x.shape[1:], dtype=kind)


def _combine(ptr: Tensor, partial: Tensor, cuts: int, out: Tensor) -> None:
    args = (ptr, len(out), partial, None, None, out, None, None)
    _launch(triton_pieces.combine, cuts, _Block.of(partial), *args, CUT=CUT)


@dataclass(frozen=True)
class _Block:
    """What a program takes at a time of [rows, heads, channels].

    Attributes:
        sum_type: what numbers are added in.
        grid: blocks of heads.
        sizes: the kernel's, beside tensors.
    """

    sum_type: torch.dtype
    grid: int
    sizes: Mapping[str, Any]

    @classmethod
    def of(cls, x: Tensor) -> _Block:
        """A block of [rows, heads, channels], or of [rows, heads]."""
        heads, channels = x.shape[1], x.shape[2] if x.dim() == 3 else None
        width = triton.next_power_of_2(max(channels or 1, 1))
        block = max(1, min(triton.next_power_of_2(heads), MOST_COLUMNS // width))
        most = MOST_SCORES if channels is None else MOST_EDGES
        edges = max(1, min(most, TILE // (block * width)))
        kind = torch.promote_types(x.dtype, torch.float32)
        sizes = {
            "H": heads,
            "EDGES": edges,
            "HEADS": block,
            "ACC": tl.float64 if kind == torch.float64 else tl.float32,
            "num_warps": max(1, min(MOST_WARPS, edges * block * width // NUMBERS_PER_WARP)),
        }
        if channels is not None:
            sizes |= {"D": channels, "CHANNELS": width}
        return cls(kind, triton.cdiv(heads, block), sizes)


def _launch(kernel: Any, programs: int, block: _Block, *args: Any, **constants: Any) -> None:
    """Start programs, each for every block of heads; the first argument says on which device."""
    device = args[0].device
    if not (device.type == "cuda" or interpreted()):
        raise ConfigError(f"backend='triton': a tensor is on {device}, expected cuda")
    if programs and block.grid:
        with torch.cuda.device_of(args[0]):
            kernel[programs, block.grid](*args, **constants, **block.sizes)
