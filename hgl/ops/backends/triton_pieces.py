"""What every kernel here is made of: a program per row and block of heads loops over its edges.

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
def cells(
    H: tl.constexpr, D: tl.constexpr, HEADS: tl.constexpr, CHANNELS: tl.constexpr
) -> tuple[tl.tensor, tl.tensor, tl.tensor]:
    """A program's heads, and [HEADS, CHANNELS] where their numbers are in a row and which exist."""
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    column = tl.arange(0, CHANNELS)
    inside = (head < H)[:, None] & (column < D)[None, :]
    return head, head[:, None] * D + column[None, :], inside


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
    head, cell, inside = cells(H, D, HEADS, CHANNELS)
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
                mass = tl.load(partial_total + slot * H + head, mask=head < H, other=1)
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
