"""Softmax within segments, and attention in one pass; see `triton_pieces` for the names."""

from __future__ import annotations

import triton
from triton import language as tl

from hgl.ops.backends.triton_pieces import cells, finite, gathered, per_head, piece


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
    num_segments: tl.tensor,
    out: tl.tensor,
    peak_out: tl.tensor,
    total_out: tl.tensor,
    partial: tl.tensor,
    partial_peak: tl.tensor,
    partial_total: tl.tensor,
    CUT: tl.constexpr,
    SLOPE: tl.constexpr,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Score, softmax and weighted sum in one pass: what was summed shrinks when the peak grows."""
    segment, first, end, slot = piece(ptr, num_segments, CUT)
    head, cell, inside = cells(H, D, HEADS, CHANNELS)
    of_segment = tl.load(score_dst + segment * H + head, mask=head < H, other=0).to(ACC)[None, :]
    peak, total = tl.full([HEADS], float("-inf"), ACC), tl.zeros([HEADS], ACC)
    pooled = tl.zeros([HEADS, CHANNELS], ACC)
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
    if slot < 0:
        divisor = tl.where(first == end, 1.0, total)
        tl.store(out + segment * (H * D) + cell, pooled / divisor[:, None], mask=inside)
        tl.store(peak_out + segment * H + head, peak, mask=head < H)
        tl.store(total_out + segment * H + head, total, mask=head < H)
    else:
        tl.store(partial + slot * (H * D) + cell, pooled, mask=inside)
        tl.store(partial_peak + slot * H + head, peak, mask=head < H)
        tl.store(partial_total + slot * H + head, total, mask=head < H)


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
    num_rows: tl.tensor,
    grad_x: tl.tensor,
    grad_score: tl.tensor,
    partial: tl.tensor,
    CUT: tl.constexpr,
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
    row, first, end, slot = piece(back_ptr, num_rows, CUT)
    head, cell, inside = cells(H, D, HEADS, CHANNELS)
    own = tl.load(x + row * (H * D) + cell, mask=inside, other=0).to(ACC)
    pooled = tl.zeros([HEADS, CHANNELS], ACC)
    for begin in range(first, end, EDGES):
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
    if slot < 0:
        tl.store(grad_x + row * (H * D) + cell, pooled, mask=inside)
    else:
        tl.store(partial + slot * (H * D) + cell, pooled, mask=inside)
