"""The CPU sampler's first pass: a plain walk per seed; `sampler_place` is the second.

Seeds are independent and their random numbers depend on nothing but their key, so any split of the
seeds over threads gives the same sample. Kernels hold no Python object and release the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hgl.graph.sampler_arrays import (
    COPY,
    DEGREE,
    EDGE,
    LAST,
    LISTS,
    NO_FLOOR,
    ROOM,
    SEED,
    SLOTS,
    Counts,
    Edges,
    Plan,
    Rows,
    Seeds,
    Workspace,
)
from hgl.graph.sampler_memory import load, load64, prefetch_number

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROW_BITS = 40
"""A hash key is the seed's stamp above the row's number among all tables."""
MAX_SEEDS = 1 << (62 - _ROW_BITS)
"""Seeds one call of `walk` may have, so that stamps fit."""


@njit(nogil=True, cache=True)
def _random(state: np.uint64) -> np.uint64:
    """splitmix64's output for a state; the next state is `state + _GOLDEN`."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(nogil=True, cache=True)
def _below(state: np.uint64, bound: int) -> tuple[np.int64, np.uint64]:
    """An exactly uniform number below `bound` < 2^32 (arXiv:1805.10941) and the next state."""
    width = np.uint64(bound)
    while True:
        state += _GOLDEN
        product = (_random(state) >> np.uint64(32)) * width
        low = product & np.uint64(0xFFFFFFFF)
        if low >= width or low >= (np.uint64(1 << 32) - width) % width:
            return np.int64(product >> np.uint64(32)), state


@njit(nogil=True, cache=True)
def _choose(count: int, size: int, work: Workspace, stamp: int, state: np.uint64) -> np.uint64:
    """Fill `picked` with a uniform subset of `size` of 0..count-1 (Floyd's); the next state."""
    mask = len(work.seen) - 1
    stamp <<= 32
    for j in range(count - size, count):
        value, state = _below(state, j + 1)
        for candidate in (value, np.int64(j)):
            slot = (candidate * 0x9E3779B1 >> 8) & mask
            while work.seen[slot] > stamp and work.seen[slot] != stamp + candidate + 1:
                slot = (slot + 1) & mask
            if work.seen[slot] <= stamp:
                break
        work.seen[slot] = stamp + candidate + 1
        work.picked[j - count + size] = candidate
    return state


@njit(nogil=True, cache=True)
def _after(time: int, begin: int, end: int, instant: int) -> int:
    """First of the edges `begin` to `end` whose time is later than `instant`."""
    if end > begin and load64(time, end - 1) <= instant:
        return end
    while begin < end:
        middle = (begin + end) >> 1
        if load64(time, middle) <= instant:
            begin = middle + 1
        else:
            end = middle
    return begin


@njit(nogil=True, cache=True)
def _edges(plan: Plan, r: int) -> Edges:
    return Edges(
        plan.colptr[r], plan.long[r], plan.row[r], plan.wide[r], plan.time[r], plan.source_time[r]
    )


@njit(nogil=True, cache=True)
def _visible(edges: Edges, target: int, limit: int, floor: int) -> tuple[int, int]:
    """The edges into row `target` with floor < time <= limit."""
    begin = load(edges.colptr, edges.long, target)
    end = load(edges.colptr, edges.long, target + 1)
    if end == begin:
        return begin, end
    if edges.time != 0:
        end = _after(edges.time, begin, end, limit)
        if floor != NO_FLOOR:
            begin = _after(edges.time, begin, end, floor)
    elif edges.source_time != 0:
        instant = load64(edges.source_time, load(edges.row, edges.wide, begin))
        if instant > limit or (floor != NO_FLOOR and instant <= floor):
            end = begin
    return begin, end


@njit(nogil=True, cache=True)
def _ahead(edges: Edges, work: Workspace, first: int, begin: int, end: int) -> None:
    """Request what the edges into the copies `order[begin:end]` are read from.

    Of a large graph none of it is in the processor's caches, and the walk would wait each time.
    """
    for i in range(begin, end):
        target = work.row[first + work.order[i]]
        prefetch_number(edges.colptr, edges.long, target)
    for i in range(begin, end):
        edge = load(edges.colptr, edges.long, work.row[first + work.order[i]])
        prefetch_number(edges.row, edges.wide, edge)
        if edges.time != 0:
            prefetch_number(edges.time, True, edge)


@njit(nogil=True, cache=True)
def _discover(work: Workspace, stamp: int, number: int, count: int) -> tuple[int, bool]:
    """The seed's copy of row `number`, and whether it is new (it is then copy `count`)."""
    table = work.table
    mask = len(table) - 1
    slot = np.int64((np.uint64(number) * _GOLDEN) >> np.uint64(20)) & mask
    key = stamp + number
    while table[slot, 0] >= stamp:
        if table[slot, 0] == key:
            return table[slot, 1], False
        slot = (slot + 1) & mask
    table[slot, 0], table[slot, 1] = key, count
    return count, True


@njit(nogil=True, cache=True)
def _by_type(work: Workspace, first: int, done: int, count: int, bounds: np.ndarray) -> None:
    """Sort the copies `done` to `count` by type; type t's are `order[bounds[t]:bounds[t + 1]]`."""
    bounds[:] = 0
    for copy in range(done, count):
        bounds[work.kind[first + copy] + 2] += 1
    for t in range(2, len(bounds)):
        bounds[t] += bounds[t - 1]
    for copy in range(done, count):
        t = work.kind[first + copy] + 1
        work.order[bounds[t]] = copy
        bounds[t] += 1


@njit(nogil=True, cache=True)
def _follow(
    edges: Edges,
    kind: int,
    base: int,
    first_edge: int,
    picked: bool,
    taken: int,
    work: Workspace,
    stamp: int,
    at: np.ndarray,
    count: int,
) -> int:
    """Find the sources of `taken` edges from `first_edge` on, picked ones or all; the next copy.

    Args:
        kind, base: type of the sources, and the number of its first row.
    """
    first, edge = at[COPY], at[EDGE]
    for j in range(taken):
        row = load(edges.row, edges.wide, first_edge + (work.picked[j] if picked else j))
        copy, new = _discover(work, stamp, base + row, count)
        if new:
            work.row[first + count], work.kind[first + count] = row, kind
            count += 1
        work.edge[edge + j] = copy
    work.degree[at[DEGREE]] = taken
    at[EDGE] += taken
    at[DEGREE] += 1
    return count


@njit(nogil=True, cache=True)
def _note(
    edge_row: Rows,
    r: int,
    first_edge: int,
    picked: bool,
    taken: int,
    work: Workspace,
    edge: int,
) -> None:
    """Write down the rows that `taken` edges from `first_edge` on, picked or all, stand for.

    With None nothing is left of this in machine code, so that no other graph pays for it.
    """
    # One condition at a time, or numba does not see that the first one is known.
    if edge_row is not None:  # noqa: SIM102
        if edge_row[r] != 0:
            for j in range(taken):
                place = first_edge + (work.picked[j] if picked else j)
                work.edge_row[edge + j] = load64(edge_row[r], place)


@njit(nogil=True, cache=True)
def _expand(
    s: int, seeds: Seeds, stamp: int, plan: Plan, work: Workspace, at: np.ndarray, counts: Counts
) -> int:
    """Walk all hops of seed s, whose own copy is in place; its copies, or -1 for want of room."""
    bounds = np.empty(len(plan.base) + 2, np.int64)
    done, count, state = 0, 1, np.uint64(seeds.key[s])
    for hop in range(len(plan.fanout)):
        _by_type(work, at[COPY], done, count, bounds)
        done = count
        for r in range(len(plan.src)):
            before, limit = at[EDGE], plan.fanout[hop, r]
            edges, kind = _edges(plan, r), plan.src[r]
            first, last = bounds[plan.dst[r]], bounds[plan.dst[r] + 1]
            if limit != 0:
                _ahead(edges, work, at[COPY], first, last)
            for i in range(first, last):
                target = work.row[at[COPY] + work.order[i]]
                begin, end = _visible(edges, target, seeds.limit[s], seeds.floor[s])
                taken = end - begin if limit < 0 else min(limit, end - begin)
                at[ROOM] = max(at[COPY] + count, at[EDGE], at[DEGREE]) + taken + 1
                at[SLOTS] = 2 * (count + taken)
                if at[ROOM] > len(work.row) or at[SLOTS] > len(work.table):
                    return -1
                picked = taken < end - begin and not plan.latest
                if picked:
                    at[LISTS] += 1
                    state = _choose(end - begin, taken, work, at[LISTS], state)
                first_edge = begin if picked else end - taken
                _note(plan.edge_row, r, first_edge, picked, taken, work, at[EDGE])
                count = _follow(
                    edges, kind, plan.base[kind], first_edge, picked, taken, work, stamp, at, count
                )
            counts.edges[r, hop, s] = at[EDGE] - before
        for copy in range(done, count):
            counts.copies[work.kind[at[COPY] + copy], hop + 1, s] += 1
    return count


@njit(nogil=True, cache=True)
def walk(
    seeds: Seeds, entity: int, plan: Plan, work: Workspace, at: np.ndarray, counts: Counts
) -> None:
    """Sample seeds `at[SEED]` to `at[LAST]`, stopping at the first for which there is no room.

    Args:
        at: where the walk stands, moved on; `at[ROOM]` and `at[SLOTS]` say what the seed that
            did not fit needs.
        counts: written.
    """
    work.table[:] = 0
    work.seen[:] = 0
    at[LISTS], start = 0, at[SEED]
    for s in range(start, at[LAST]):
        stamp = (s - start + 1) << _ROW_BITS
        first, edge, degree = at[COPY], at[EDGE], at[DEGREE]
        at[ROOM] = first + 1
        if at[ROOM] > len(work.row):
            return
        work.row[first], work.kind[first] = seeds.row[s], entity
        _discover(work, stamp, plan.base[entity] + seeds.row[s], 0)
        counts.copies[:, :, s] = 0
        counts.copies[entity, 0, s] = 1
        count = _expand(s, seeds, stamp, plan, work, at, counts)
        if count < 0:
            at[EDGE], at[DEGREE] = edge, degree
            return
        at[COPY] += count
        at[SEED] = s + 1
