"""Triton's kernels, for CUDA; with `triton_kernels` the only importer of triton.

`TRITON_INTERPRET=1`, set before triton comes in, runs them on the CPU, slowly, for tests.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor
from triton import language as tl

from hgl.errors import ConfigError
from hgl.ops.backends import interpreted
from hgl.ops.backends import triton_kernels as kernels

TILE = 4_096
"""Numbers that a program holds at a time."""
MOST_EDGES = 32
"""Edges it takes at a time at most: most rows have fewer, and places beyond a row are idle."""
MOST_COLUMNS = 1_024
"""Columns it takes at a time at most, unless one head alone has more."""
NUMBERS_PER_WARP, MOST_WARPS = 1_024, 4


def weighted_sum(x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    out = x.new_empty(ptr.numel() - 1, *x.shape[1:])
    args = (x.contiguous(), weight.contiguous(), src, ptr, out)
    _launch(kernels.sum_rows, len(out), x.shape[1], x.shape[2], x.dtype, *args)
    return out


def row_sum(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    return _segment_sum(x, src, ptr, x.dtype)


def softmax(score: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    score = score.contiguous()
    out = torch.empty_like(score)
    _launch(
        kernels.softmax, ptr.numel() - 1, score.shape[1], None, score.dtype, score, ptr, out
    )
    return out


def softmax_backward(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    weight = weight.contiguous()
    out = torch.empty_like(weight)
    args = (weight, grad.contiguous(), ptr, out)
    _launch(
        kernels.softmax_backward, ptr.numel() - 1, weight.shape[1], None, weight.dtype, *args
    )
    return out


def edge_dot(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    out = a.new_empty(src.numel(), a.shape[1])
    args = (a.contiguous(), b.contiguous(), src, ptr, out)
    _launch(kernels.dot_edges, len(a), a.shape[1], a.shape[2], a.dtype, *args)
    return out


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
    out = x.new_empty(ptr.numel() - 1, *x.shape[1:])
    peak, total = (out.new_empty(out.shape[:2], dtype=_sum_type(x.dtype)) for _ in range(2))
    _launch(
        kernels.attend,
        *(len(out), x.shape[1], x.shape[2], x.dtype),
        *(x.contiguous(), score_src.contiguous(), score_dst.contiguous()),
        *(None if edge is None else edge.contiguous(), src, sender, ptr),
        *(out, peak, total),
        SLOPE=negative_slope,
    )
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
    grad, x = grad.contiguous(), x.contiguous()
    back_segment, back_ptr, back_edge = back
    grad_x, kind = torch.empty_like(x), _sum_type(x.dtype)
    grad_score = x.new_empty(back_edge.numel(), x.shape[1], dtype=kind)
    _launch(
        kernels.attend_backward,
        *(len(x), x.shape[1], x.shape[2], x.dtype),
        *(grad, _row_dot(grad, out), peak, total),
        *(x, score_src.contiguous(), score_dst.contiguous()),
        *(None if edge is None else edge.contiguous(), sender),
        *(back_segment, back_ptr, back_edge, grad_x, grad_score),
        SLOPE=negative_slope,
    )
    sender_ptr, sender_edge = sender_back
    of_src = _segment_sum(grad_score, sender_edge, sender_ptr, score_src.dtype)
    of_dst = _segment_sum(grad_score, None, ptr, score_dst.dtype)
    return grad_x, of_src, of_dst, grad_score


def _segment_sum(x: Tensor, src: Tensor | None, ptr: Tensor, dtype: torch.dtype) -> Tensor:
    """Sum rows ([n, columns]) in one piece, or those that `src` lists."""
    out = x.new_empty(ptr.numel() - 1, x.shape[1], dtype=dtype)
    args = (x.contiguous(), None, src, ptr, out)
    _launch(kernels.sum_rows, len(out), 1, x.shape[1], x.dtype, *args)
    return out


def _row_dot(a: Tensor, b: Tensor) -> Tensor:
    """[rows, heads] dots of two contiguous [rows, heads, channels]."""
    out = a.new_empty(a.shape[:2], dtype=_sum_type(a.dtype))
    _launch(kernels.dot_rows, len(a), a.shape[1], a.shape[2], a.dtype, a, b, out)
    return out


def _launch(
    kernel: Any,
    rows: int,
    heads: int,
    channels: int | None,
    dtype: torch.dtype,
    *args: Tensor | None,
    **constants: Any,
) -> None:
    """Start a program per row and block of heads.

    Args:
        channels: per head; None for a kernel of [edges, heads] alone.
        args: the kernel's tensors, the first of them on the device to run on.
    """
    first = args[0]
    assert first is not None
    if not (first.is_cuda or interpreted()):
        raise ConfigError(f"backend='triton': a tensor is on {first.device}, expected cuda")
    width = triton.next_power_of_2(max(channels or 0, 1))
    block = min(triton.next_power_of_2(heads), max(1, MOST_COLUMNS // width))
    edges = max(1, min(MOST_EDGES, TILE // (block * width)))
    if channels is not None:
        constants |= {"D": channels, "CHANNELS": width}
    if rows and heads:
        with torch.cuda.device_of(first):
            kernel[rows, triton.cdiv(heads, block)](
                *args,
                **constants,
                H=heads,
                ACC=tl.float64 if _sum_type(dtype) == torch.float64 else tl.float32,
                EDGES=edges,
                HEADS=block,
                num_warps=max(1, min(MOST_WARPS, edges * block * width // NUMBERS_PER_WARP)),
            )


def _sum_type(dtype: torch.dtype) -> torch.dtype:
    """What numbers of a type are added in."""
    return torch.promote_types(dtype, torch.float32)
