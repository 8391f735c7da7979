"""The sampler's CPU kernels: a plain walk per seed, then one pass that puts everything in place.

Seeds are independent and their random numbers depend on nothing but their key, so any split of the
seeds over threads gives the same sample. Kernels hold no Python object and release the GIL.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROW_BITS = 40
"""A hash key is the seed's stamp above the row's number among all tables."""
MAX_SEEDS = 1 << (62 - _ROW_BITS)
"""Seeds one call of `walk` may have, so that stamps fit."""

NO_FLOOR = -(2**63)
"""Floor of a seed without a time window."""
SEED, LAST, COPY, EDGE, DEGREE, LISTS, ROOM, SLOTS = range(8)
"""Fields of the array in which `walk` says where it stands."""

Rows = Any
"""An array, or None: numba compiles the two apart."""


class Plan(NamedTuple):
    """Relations in slot order and how many edges to take of each.

    Arrays of the graph are given by address, so that graphs of any shape share one machine code.
    `time` is 0 where every edge is always visible, `edge_row` 0 where edges are no rows and None
    where no relation's are, `wide` tells int64 from int32 rows, `base[t]` is the number of the
    first row of type t among the rows of all tables, `fanout` is [hops, relations], negative for
    all edges, and `latest` prefers recent edges to random ones.
    """

    src: np.ndarray
    dst: np.ndarray
    colptr: np.ndarray
    row: np.ndarray
    time: np.ndarray
    edge_row: Rows
    wide: np.ndarray
    base: np.ndarray
    fanout: np.ndarray
    latest: bool


class Counts(NamedTuple):
    """`copies`: [types, hops + 1, num_seeds]; `edges`: [relations, hops, num_seeds]."""

    copies: np.ndarray
    edges: np.ndarray


class Starts(NamedTuple):
    """Where the first copy, edge and slot of each seed and hop go; edges and slots by relation."""

    copies: np.ndarray
    edges: np.ndarray
    slots: np.ndarray


class Fields(NamedTuple):
    """The arrays of a `Sample`."""

    row: np.ndarray
    seed: np.ndarray
    src: np.ndarray
    ptr: np.ndarray
    edge_row: Rows


class Seeds(NamedTuple):
    """Visible is what has floor < time <= limit, or is static; all arrays are [num_seeds]."""

    row: np.ndarray
    limit: np.ndarray
    floor: np.ndarray
    key: np.ndarray


class Workspace(NamedTuple):
    """One thread's scratch. `row`, `kind`: copies; `edge`: sources; `degree`: edges per slot;
    `edge_row`: the rows that edges stand for, None in a graph whose edges are no rows.

    Copies are numbered within their seed in order of discovery. `order` holds the copies to expand
    by type, `table` maps rows to copies, `picked` and `seen` serve the choice of a subset.
    """

    row: np.ndarray
    kind: np.ndarray
    edge: np.ndarray
    degree: np.ndarray
    edge_row: Rows
    order: np.ndarray
    table: np.ndarray
    picked: np.ndarray
    seen: np.ndarray


def _loading(bits: int, loaded: types.Type) -> Any:
    """Compile to one load of number `index` of the array at `address`."""

    def load(typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            return builder.load(builder.gep(pointer, [arguments[1]]))

        return loaded(types.int64, types.int64), generate

    return intrinsic(load)


_load32 = _loading(32, types.int32)
_load64 = _loading(64, types.int64)


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
    if end > begin and _load64(time, end - 1) <= instant:
        return end
    while begin < end:
        middle = (begin + end) >> 1
        if _load64(time, middle) <= instant:
            begin = middle + 1
        else:
            end = middle
    return begin


@njit(nogil=True, cache=True)
def _visible(plan: Plan, r: int, target: int, limit: int, floor: int) -> tuple[int, int]:
    """The edges of relation r into row `target` with floor < time <= limit."""
    begin = _load64(plan.colptr[r], target)
    end = _load64(plan.colptr[r], target + 1)
    time = plan.time[r]
    if time != 0 and end > begin:
        end = _after(time, begin, end, limit)
        if floor != NO_FLOOR:
            begin = _after(time, begin, end, floor)
    return begin, end


@njit(nogil=True, cache=True)
def _source(plan: Plan, r: int, edge: int) -> int:
    if plan.wide[r]:
        return _load64(plan.row[r], edge)
    return _load32(plan.row[r], edge)


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
    plan: Plan,
    r: int,
    first_edge: int,
    picked: bool,
    taken: int,
    work: Workspace,
    stamp: int,
    at: np.ndarray,
    count: int,
) -> int:
    """Find the sources of `taken` edges from `first_edge` on, picked ones or all; the next copy."""
    kind, first, edge = plan.src[r], at[COPY], at[EDGE]
    for j in range(taken):
        row = _source(plan, r, first_edge + (work.picked[j] if picked else j))
        copy, new = _discover(work, stamp, plan.base[kind] + row, count)
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
                work.edge_row[edge + j] = _load64(edge_row[r], place)


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
            for i in range(bounds[plan.dst[r]], bounds[plan.dst[r] + 1]):
                target = work.row[at[COPY] + work.order[i]]
                begin, end = _visible(plan, r, target, seeds.limit[s], seeds.floor[s])
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
                count = _follow(plan, r, first_edge, picked, taken, work, stamp, at, count)
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
