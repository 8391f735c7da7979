"""Sums of gathered rows and dots along edges; see `triton_pieces` for the names."""

from __future__ import annotations

import triton
from triton import language as tl

from hgl.ops.backends.triton_pieces import cells, gathered, per_head, piece


@triton.jit
def sum_rows(
    x: tl.tensor,
    weight: tl.tensor,
    src: tl.tensor,
    ptr: tl.tensor,
    num_segments: tl.tensor,
    out: tl.tensor,
    partial: tl.tensor,
    CUT: tl.constexpr,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Sum of `weight[e] * x[src[e]]` per segment; `src` None stands for the edges themselves."""
    segment, first, end, slot = piece(ptr, num_segments, CUT)
    head, cell, inside = cells(H, D, HEADS, CHANNELS)
    total = tl.zeros([HEADS, CHANNELS], ACC)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        source = edge if src is None else tl.load(src + edge, mask=real, other=0)
        mask = real[:, None, None] & inside[None, :, :]
        rows = gathered(x, source, cell, mask, H * D).to(ACC)
        if weight is not None:
            rows *= per_head(weight, edge, head, real, H).to(ACC)[:, :, None]
        total += tl.sum(rows, 0)
    if slot < 0:
        tl.store(out + segment * (H * D) + cell, total, mask=inside)
    else:
        tl.store(partial + slot * (H * D) + cell, total, mask=inside)


@triton.jit
def dot_edges(
    a: tl.tensor,
    b: tl.tensor,
    src: tl.tensor,
    ptr: tl.tensor,
    num_segments: tl.tensor,
    out: tl.tensor,
    CUT: tl.constexpr,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Dot of `a[segment]` with `b[src[e]]` per edge and head."""
    segment, first, end, _ = piece(ptr, num_segments, CUT)
    head, cell, inside = cells(H, D, HEADS, CHANNELS)
    own = tl.load(a + segment * (H * D) + cell, mask=inside, other=0).to(ACC)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        source = tl.load(src + edge, mask=real, other=0)
        mask = real[:, None, None] & inside[None, :, :]
        dot = tl.sum(gathered(b, source, cell, mask, H * D).to(ACC) * own[None, :, :], 2)
        place = edge.to(tl.int64)[:, None] * H + head[None, :]
        tl.store(out + place, dot, mask=real[:, None] & (head < H)[None, :])


@triton.jit
def dot_rows(
    a: tl.tensor,
    b: tl.tensor,
    out: tl.tensor,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Dot of a row of `a` with the same row of `b`, per head."""
    row = tl.program_id(0).to(tl.int64)
    head, cell, inside = cells(H, D, HEADS, CHANNELS)
    product = tl.load(a + row * (H * D) + cell, mask=inside, other=0).to(ACC)
    product *= tl.load(b + row * (H * D) + cell, mask=inside, other=0).to(ACC)
    tl.store(out + row * H + head, tl.sum(product, 1), mask=head < H)
