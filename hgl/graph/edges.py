"""Edges as they come, part by part, and the layout by target that they are put into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

PART = 1 << 20
"""Rows looked at together: what a relation takes of memory besides the arrays it makes."""

Empty = Callable[[int, type], np.ndarray]
"""Makes an array of a length and a number type: in memory, or in a file."""


@dataclass(frozen=True)
class Edges:
    """Some edges, in any order.

    Attributes:
        src, dst: [n] int64 source and target rows.
        time: [n] int64 seconds at which each becomes known; None for always.
        edge_row: [n] int64 rows the edges stand for; None where they are no rows.
    """

    src: np.ndarray
    dst: np.ndarray
    time: np.ndarray | None = None
    edge_row: np.ndarray | None = None


@dataclass(frozen=True)
class Layout:
    """Edges by target, then time, then source: see `hgl.graph.relations.Relation`."""

    colptr: np.ndarray
    row: np.ndarray
    time: np.ndarray | None
    edge_row: np.ndarray | None


def row_parts(time: np.ndarray | None, num_rows: int) -> list[slice]:
    """Split a table's rows into parts of about `PART`, each instant in one part.

    Args:
        time: [num_rows] int64 seconds; None for a static table.
    Returns: at least one part; only one where the rows are not in order of time.
    """
    bounds = list(range(0, num_rows, PART))
    if time is not None:
        if not all(_ascends(time[max(0, begin - 1) : begin + PART]) for begin in bounds):
            return [slice(0, num_rows)]
        bounds = sorted({int(np.searchsorted(time, time[begin])) for begin in bounds})
    return [slice(a, b) for a, b in zip(bounds, [*bounds[1:], num_rows])] or [slice(0, 0)]


def lay_out(
    parts: Callable[[], Iterable[Edges]], *, num_src: int, num_dst: int, empty: Empty = np.empty
) -> Layout:
    """Put edges into order, with the memory of one part beside the arrays returned.

    Args:
        parts: gives the same parts, at least one, each time it is called. No edge of a part belongs
            before one of an earlier part with the same target.
        num_src, num_dst: rows on either side; the edges' rows are among them.
        empty: makes the arrays returned.
    """
    # One place ahead: while edges are put in, `ends[v + 1]` is where the next one to v goes, and
    # afterwards where the last one has gone.
    ends = empty(num_dst + 2, np.int64)
    ends[:] = 0
    for part in parts():
        targets, counts = np.unique(part.dst, return_counts=True)
        ends[targets + 2] += counts
    _accumulate(ends)
    count = int(ends[-1])
    row = empty(count, _kind(num_src))
    time = edge_row = None
    for part in parts():
        order = target_order(part.src, part.dst, part.time)
        place = _places(part.dst[order], ends)
        row[place] = part.src[order]
        if part.time is not None:
            time = empty(count, np.int64) if time is None else time
            time[place] = part.time[order]
        if part.edge_row is not None:
            edge_row = empty(count, np.int64) if edge_row is None else edge_row
            edge_row[place] = part.edge_row[order]
    return Layout(_narrowed(ends[:-1], empty), row, time, edge_row)


def target_order(src: np.ndarray, dst: np.ndarray, time: np.ndarray | None) -> np.ndarray:
    """Positions of the edges by (target, time, source)."""
    position = _source_order(src, time)
    ranked = dst if position is None else dst[position]
    # One int64 holds target and rank, and plain integers sort several times faster than `lexsort`.
    key = ranked.astype(np.int64) * len(dst) + np.arange(len(dst))
    key.sort()
    key -= (key // max(len(dst), 1)) * len(dst)
    return key if position is None else position[key]


def _source_order(src: np.ndarray, time: np.ndarray | None) -> np.ndarray | None:
    """Positions by (time, source); None when the edges are in that order, as tables are stored."""
    if time is None:
        return None if _ascends(src) else np.argsort(src, kind="stable")
    if _ascends(src) and _ascends(time):
        return None
    return np.lexsort((src, time))


def _ascends(values: np.ndarray) -> bool:
    return bool(np.all(values[:-1] <= values[1:]))


def _kind(largest: int) -> type:
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64


def _narrowed(colptr: np.ndarray, empty: Empty) -> np.ndarray:
    """Copy a row pointer, part by part, into the narrowest numbers that hold it."""
    narrow = empty(len(colptr), _kind(int(colptr[-1])))
    for begin in range(0, len(colptr), PART):
        narrow[begin : begin + PART] = colptr[begin : begin + PART]
    return narrow


def _accumulate(values: np.ndarray) -> None:
    """Replace numbers by their running sum, part by part."""
    total = 0
    for begin in range(0, len(values), PART):
        part = values[begin : begin + PART]
        part[0] += total
        part[:] = np.cumsum(part)
        total = part[-1]


def _places(targets: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Where edges with ascending targets go; moves the targets' ends behind them."""
    is_first = np.ones(len(targets), bool)
    is_first[1:] = targets[1:] != targets[:-1]
    first = np.flatnonzero(is_first)
    counts = np.diff(first, append=len(targets))
    begin = ends[targets[first] + 1]
    ends[targets[first] + 1] = begin + counts
    return np.arange(len(targets)) + np.repeat(begin - first, counts)
