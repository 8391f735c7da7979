"""What runs on the GPU: a program per row and block of heads loops over the row's edges.

A program owns what it writes and adds in a fixed order: no atomics, the same bits every time.
Offsets into rows are int64, since rows times channels may exceed int32 where neither does.

A segment of more than CUT edges is cut at the multiples of CUT, since one program would be long at
it: see `piece`. What the pieces sum up goes to `partial`, and `combine` puts it together.

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
def segment_of(ptr: tl.tensor, edge: tl.tensor, num_segments: tl.tensor) -> tl.tensor:
    """The segment an edge is in: the last that begins no later."""
    low = edge * 0
    high = low + num_segments
    while high - low > 1:
        middle = (low + high) // 2
        begun = tl.load(ptr + middle) <= edge
        low, high = tl.where(begun, middle, low), tl.where(begun, high, middle)
    return low


@triton.jit
def piece(
    ptr: tl.tensor, num_segments: tl.tensor, CUT: tl.constexpr
) -> tuple[tl.tensor, tl.tensor, tl.tensor, tl.tensor]:
    """What a program works on: a segment, its first edge, past the last, and a slot in `partial`.

    The first `num_segments` programs take a segment each, whole (slot -1) or up to its first cut.
    Program `num_segments + k - 1` takes what a segment cut at edge k * CUT has from there to the
    next cut. Nobody on the host need know which segments are long.
    """
    number = tl.program_id(0).to(tl.int64)
    cut = (number - num_segments + 1) * CUT
    segment = number
    if number >= num_segments:
        segment = segment_of(ptr, cut, num_segments)
    first, end = tl.load(ptr + segment).to(tl.int64), tl.load(ptr + segment + 1).to(tl.int64)
    is_long = end - first > CUT
    if number >= num_segments:
        end = tl.where(is_long & (first < cut), tl.minimum(end, cut + CUT), cut)
        first = cut
        slot = cut // CUT * 2
    else:
        slot = tl.where(is_long, first // CUT * 2 + 1, -1)
        end = tl.where(is_long, (first // CUT + 1) * CUT, end)
    return segment, first, end, slot


@triton.jit
def finite(peak: tl.tensor) -> tl.tensor:
    """What is taken off scores; where all are -inf so far, taking off -inf would make NaN."""
    return tl.where(peak == float("-inf"), 0.0, peak)


@triton.jit
def combine(
    ptr: tl.tensor,
    num_segments: tl.tensor,
    partial: tl.tensor,
    partial_peak: tl.tensor,
    partial_total: tl.tensor,
    out: tl.tensor,
    peak_out: tl.tensor,
    total_out: tl.tensor,
    CUT: tl.constexpr,
    H: tl.constexpr,
    D: tl.constexpr,
    ACC: tl.constexpr,
    EDGES: tl.constexpr,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> None:
    """Sum the pieces of the segment whose first cut is this program's, in order; if there is one.

    Without `partial_peak` plainly, else as `attend` does.
    """
    window = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
    cut = (window + 1) * CUT
    segment = segment_of(ptr, cut, num_segments)
    first, end = tl.load(ptr + segment).to(tl.int64), tl.load(ptr + segment + 1).to(tl.int64)
    if (end - first > CUT) & (first < cut) & (first >= cut - CUT):
        pooled = tl.zeros([HEADS, CHANNELS], ACC)
        peak, total = tl.full([HEADS], float("-inf"), ACC), tl.zeros([HEADS], ACC)
        for number in range(window, (end - 1) // CUT + 1):
            slot = tl.where(number == window, 2 * window + 1, 2 * number)
            part = tl.load(partial + slot * (H * D) + cell, mask=inside, other=0)
            if partial_peak is not None:
                own = tl.load(partial_peak + slot * H + head, mask=head < H, other=0)
                higher = tl.maximum(peak, own)
                shrink, share = tl.exp(peak - finite(higher)), tl.exp(own - finite(higher))
                mass = tl.load(partial_total + slot * H + head, mask=head < H, other=0)
                total = total * shrink + mass * share
                pooled = pooled * shrink[:, None] + part * share[:, None]
                peak = higher
            else:
                pooled += part
        if partial_peak is not None:
            pooled /= total[:, None]
            tl.store(peak_out + segment * H + head, peak, mask=head < H)
            tl.store(total_out + segment * H + head, total, mask=head < H)
        tl.store(out + segment * (H * D) + cell, pooled, mask=inside)


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
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
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
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
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
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
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
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    cell = head[:, None] * D + column[None, :]
    inside = (head < H)[:, None] & (column < D)[None, :]
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
