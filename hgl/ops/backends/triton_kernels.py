"""What runs on the GPU: a program per row and block of heads loops over the row's edges.

A program owns what it writes and adds in a fixed order: no atomics, the same bits every time.
Offsets into rows are int64, since rows times channels may exceed int32 where neither does.

Names: H heads of D channels; a program takes EDGES at a time, HEADS and CHANNELS, powers of two
that may reach beyond; sums are of type ACC. What is None is left out of the compiled kernel.
"""

from __future__ import annotations

import triton
from triton import language as tl


@triton.jit
def gathered(
    x: tl.tensor, row: tl.tensor, cell: tl.tensor, mask: tl.tensor, WIDTH: tl.constexpr
) -> tl.tensor:
    """[EDGES, HEADS, CHANNELS] of the given rows of `x`, each WIDTH long."""
    start = row.to(tl.int64)[:, None, None] * WIDTH
    return tl.load(x + start + cell[None, :, :], mask=mask, other=0)


@triton.jit
def per_head(
    x: tl.tensor, row: tl.tensor, head: tl.tensor, real: tl.tensor, H: tl.constexpr
) -> tl.tensor:
    """[EDGES, HEADS] of the given rows of `x`, each H long."""
    mask = real[:, None] & (head < H)[None, :]
    return tl.load(x + row.to(tl.int64)[:, None] * H + head[None, :], mask=mask, other=0)


@triton.jit
def sum_rows(
    x: tl.tensor,
    weight: tl.tensor,
    src: tl.tensor,
    ptr: tl.tensor,
    out: tl.tensor,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Sum of `weight[e] * x[src[e]]` per segment; `src` None stands for the edges themselves."""
    segment = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
    total = tl.zeros([HEADS, CHANNELS], ACC)
    end = tl.load(ptr + segment + 1)
    for begin in range(tl.load(ptr + segment), end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        source = edge if src is None else tl.load(src + edge, mask=real, other=0)
        mask = real[:, None, None] & inside[None, :, :]
        rows = gathered(x, source, cell, mask, H * D).to(ACC)
        if weight is not None:
            rows *= per_head(weight, edge, head, real, H).to(ACC)[:, :, None]
        total += tl.sum(rows, 0)
    tl.store(out + segment * (H * D) + cell, total, mask=inside)


@triton.jit
def dot_edges(
    a: tl.tensor,
    b: tl.tensor,
    src: tl.tensor,
    ptr: tl.tensor,
    out: tl.tensor,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Dot of `a[segment]` with `b[src[e]]` per edge and head."""
    segment = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
    own = tl.load(a + segment * (H * D) + cell, mask=inside, other=0).to(ACC)
    end = tl.load(ptr + segment + 1)
    for begin in range(tl.load(ptr + segment), end, EDGES):
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
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = row * (H * D) + head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
    product = tl.load(a + cell, mask=inside, other=0).to(ACC)
    product *= tl.load(b + cell, mask=inside, other=0).to(ACC)
    tl.store(out + row * H + head, tl.sum(product, 1), mask=head < H)


@triton.jit
def softmax(
    score: tl.tensor,
    ptr: tl.tensor,
    out: tl.tensor,
    H: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
) -> None:
    """Softmax within a segment: largest and sum in one pass, the quotients in a second."""
    segment = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    peak, total = tl.full([HEADS], float("-inf"), ACC), tl.zeros([HEADS], ACC)
    first, end = tl.load(ptr + segment), tl.load(ptr + segment + 1)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        found = per_head(score, edge, head, real, H).to(ACC)
        found = tl.where(real[:, None], found, float("-inf"))
        higher = tl.maximum(peak, tl.max(found, 0))
        base = finite(higher)
        total = total * tl.exp(peak - base) + tl.sum(tl.exp(found - base[None, :]), 0)
        peak = higher
    base = finite(peak)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        share = tl.exp(per_head(score, edge, head, real, H).to(ACC) - base[None, :])
        place = edge.to(tl.int64)[:, None] * H + head[None, :]
        mask = real[:, None] & (head < H)[None, :]
        tl.store(out + place, share / total[None, :], mask=mask)


@triton.jit
def finite(peak: tl.tensor) -> tl.tensor:
    """What is taken off scores; where all are -inf so far, taking off -inf would make NaN."""
    return tl.where(peak == float("-inf"), 0.0, peak)


@triton.jit
def softmax_backward(
    weight: tl.tensor,
    grad: tl.tensor,
    ptr: tl.tensor,
    out: tl.tensor,
    H: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
) -> None:
    """Weight times (gradient less the segment's mean gradient, weighted)."""
    segment = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    mean = tl.zeros([HEADS], ACC)
    first, end = tl.load(ptr + segment), tl.load(ptr + segment + 1)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        pull = per_head(weight, edge, head, real, H).to(ACC)
        mean += tl.sum(pull * per_head(grad, edge, head, real, H).to(ACC), 0)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        pull = per_head(grad, edge, head, real, H).to(ACC) - mean[None, :]
        place = edge.to(tl.int64)[:, None] * H + head[None, :]
        mask = real[:, None] & (head < H)[None, :]
        tl.store(out + place, pull * per_head(weight, edge, head, real, H).to(ACC), mask=mask)


@triton.jit
def raw_score(
    score_src: tl.tensor,
    sent: tl.tensor,
    of_segment: tl.tensor,
    extra: tl.tensor,
    edge: tl.tensor,
    head: tl.tensor,
    real: tl.tensor,
    H: tl.constexpr,
    ACC: tl.constexpr,
) -> tl.tensor:
    """[EDGES, HEADS] sum of both ends' scores and the edge's own."""
    raw = per_head(score_src, sent, head, real, H).to(ACC) + of_segment
    if extra is not None:
        raw += per_head(extra, edge, head, real, H).to(ACC)
    return raw


@triton.jit
def attend(
    x: tl.tensor,
    score_src: tl.tensor,
    score_dst: tl.tensor,
    extra: tl.tensor,
    src: tl.tensor,
    sender: tl.tensor,
    ptr: tl.tensor,
    out: tl.tensor,
    peak_out: tl.tensor,
    total_out: tl.tensor,
    SLOPE: tl.constexpr,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Score, softmax and weighted sum in one pass: what was summed shrinks when the peak grows."""
    segment = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
    of_segment = tl.load(score_dst + segment * H + head, mask=head < H, other=0).to(ACC)[None, :]
    peak, total = tl.full([HEADS], float("-inf"), ACC), tl.zeros([HEADS], ACC)
    pooled = tl.zeros([HEADS, CHANNELS], ACC)
    first, end = tl.load(ptr + segment), tl.load(ptr + segment + 1)
    for begin in range(first, end, EDGES):
        edge = begin + tl.arange(0, EDGES)
        real = edge < end
        source = tl.load(src + edge, mask=real, other=0)
        sent = source if sender is None else tl.load(sender + edge, mask=real, other=0)
        raw = raw_score(score_src, sent, of_segment, extra, edge, head, real, H, ACC)
        score = tl.where(raw > 0, raw, raw * SLOPE)
        score = tl.where(real[:, None], score, float("-inf"))
        higher = tl.maximum(peak, tl.max(score, 0))
        base = finite(higher)
        share, shrink = tl.exp(score - base[None, :]), tl.exp(peak - base)
        mask = real[:, None, None] & inside[None, :, :]
        rows = gathered(x, source, cell, mask, H * D).to(ACC)
        total = total * shrink + tl.sum(share, 0)
        pooled = pooled * shrink[:, None] + tl.sum(share[:, :, None] * rows, 0)
        peak = higher
    divisor = tl.where(first == end, 1.0, total)
    tl.store(out + segment * (H * D) + cell, pooled / divisor[:, None], mask=inside)
    tl.store(peak_out + segment * H + head, peak, mask=head < H)
    tl.store(total_out + segment * H + head, total, mask=head < H)


@triton.jit
def attend_backward(
    grad: tl.tensor,
    mean: tl.tensor,
    peak: tl.tensor,
    total: tl.tensor,
    x: tl.tensor,
    score_src: tl.tensor,
    score_dst: tl.tensor,
    extra: tl.tensor,
    sender: tl.tensor,
    back_segment: tl.tensor,
    back_ptr: tl.tensor,
    back_edge: tl.tensor,
    grad_x: tl.tensor,
    grad_score: tl.tensor,
    SLOPE: tl.constexpr,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Gradients of a row of `x` and of the raw scores of the edges it feeds.

    By source, one gather of the output's gradient serves both; by target it would take two passes.

    Args:
        mean: [segments, H] dot of the output with its gradient, the mean of the edges' gradients.
    """
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
    own = tl.load(x + row * (H * D) + cell, mask=inside, other=0).to(ACC)
    pooled = tl.zeros([HEADS, CHANNELS], ACC)
    end = tl.load(back_ptr + row + 1)
    for begin in range(tl.load(back_ptr + row), end, EDGES):
        place = begin + tl.arange(0, EDGES)
        real = place < end
        mask = real[:, None] & (head < H)[None, :]
        segment = tl.load(back_segment + place, mask=real, other=0)
        edge = tl.load(back_edge + place, mask=real, other=0)
        if sender is None:
            sent = row + tl.zeros([EDGES], tl.int64)
        else:
            sent = tl.load(sender + edge, mask=real, other=0)
        of_segment = per_head(score_dst, segment, head, real, H).to(ACC)
        raw = raw_score(score_src, sent, of_segment, extra, edge, head, real, H, ACC)
        score = tl.where(raw > 0, raw, raw * SLOPE)
        divisor = tl.where(mask, per_head(total, segment, head, real, H), 1.0)
        share = tl.exp(score - per_head(peak, segment, head, real, H)) / divisor
        share = tl.where(mask, share, 0.0)
        pull = gathered(grad, segment, cell, real[:, None, None] & inside[None, :, :], H * D)
        pull = pull.to(ACC)
        pooled += tl.sum(share[:, :, None] * pull, 0)
        step = tl.sum(pull * own[None, :, :], 2) - per_head(mean, segment, head, real, H)
        step = share * tl.where(raw > 0, step, step * SLOPE)
        tl.store(grad_score + edge.to(tl.int64)[:, None] * H + head[None, :], step, mask=mask)
    tl.store(grad_x + row * (H * D) + cell, pooled, mask=inside)
