"""The CPU sampler's second pass: what the walks found, put where a `Sample` has it."""

from __future__ import annotations

import numpy as np
from numba import njit

from hgl.graph.sampler_arrays import Counts, Fields, Plan, Rows, Starts, Workspace


@njit(nogil=True, cache=True)
def begin(plan: Plan, counts: Counts, starts: Starts) -> int:
    """Fill `starts`: where each count's share begins when all stand one after another; the slots.

    Args:
        counts: of all seeds, as `walk` left them.
        starts: written.
    """
    copy = edge = slot = 0
    num_types, num_hops, num_seeds = counts.copies.shape
    for t in range(num_types):
        for hop in range(num_hops):
            for s in range(num_seeds):
                starts.copies[t, hop, s] = copy
                copy += counts.copies[t, hop, s]
    for r in range(len(plan.src)):
        for hop in range(num_hops - 1):
            for s in range(num_seeds):
                starts.edges[r, hop, s], starts.slots[r, hop, s] = edge, slot
                edge += counts.edges[r, hop, s]
                slot += counts.copies[plan.dst[r], hop, s]
    return slot


@njit(nogil=True, cache=True)
def _place_copies(
    s: int, first: int, work: Workspace, counts: Counts, starts: Starts, out: Fields
) -> int:
    """Write the copies of seed s and leave each one's final number in `order`; their count."""
    num_types, num_hops, _ = counts.copies.shape
    next_copy = np.empty(num_types, np.int64)
    copy = last = 0
    for hop in range(num_hops):
        for t in range(num_types):
            next_copy[t] = starts.copies[t, hop, s]
            last += counts.copies[t, hop, s]
        while copy < last:
            kind = work.kind[first + copy]
            number = next_copy[kind]
            next_copy[kind] += 1
            work.order[copy] = number
            out.row[number], out.seed[number] = work.row[first + copy], s
            copy += 1
    return last


@njit(nogil=True, cache=True)
def _place_rows(
    edge_row: Rows,
    r: int,
    count: int,
    work: Workspace,
    edge: int,
    out: Fields,
    first: int,
) -> None:
    """Copy the rows that `count` edges from `edge` on stand for to `first` on; see `_note`."""
    if edge_row is not None:  # noqa: SIM102
        if edge_row[r] != 0:
            for j in range(count):
                out.edge_row[first + j] = work.edge_row[edge + j]


@njit(nogil=True, cache=True)
def place(
    begin: int, end: int, work: Workspace, plan: Plan, counts: Counts, starts: Starts, out: Fields
) -> None:
    """Put the copies and edges that `walk` left for seeds `begin` to `end` where they belong."""
    first = edge = degree = 0
    for s in range(begin, end):
        first += _place_copies(s, first, work, counts, starts, out)
        for hop in range(len(plan.fanout)):
            for r in range(len(plan.src)):
                slot, e = starts.slots[r, hop, s], starts.edges[r, hop, s]
                _place_rows(plan.edge_row, r, counts.edges[r, hop, s], work, edge, out, e)
                for _ in range(counts.copies[plan.dst[r], hop, s]):
                    for _ in range(work.degree[degree]):
                        out.src[e] = work.order[work.edge[edge]]
                        edge += 1
                        e += 1
                    degree += 1
                    slot += 1
                    out.ptr[slot] = e
