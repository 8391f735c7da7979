"""How many edges a seed sees: where its limit falls in a list that ascends by time."""

from __future__ import annotations

from torch import Tensor, where

from hgl.graph.relations import Relation


def num_visible(relation: Relation, rows: Tensor, limit: Tensor, floor: Tensor | None) -> Tensor:
    """Count the edges into some target rows with floor < time <= limit.

    Args:
        rows: [n] int64 target rows.
        limit, floor: [n] int64 seconds; no floor where None.
    Returns: [n] int64.
    """
    begin, end = relation.colptr[rows].long(), relation.colptr[rows + 1].long()
    if relation.source_time is not None:
        return only_edges(relation.row, relation.source_time, begin, end, limit, floor) - begin
    if relation.time is None:
        return end - begin
    end = _first_later(relation.time, begin, end, limit)
    return end - (begin if floor is None else _first_later(relation.time, begin, end, floor))


def only_edges(
    row: Tensor,
    source_time: Tensor,
    begin: Tensor,
    end: Tensor,
    limit: Tensor,
    floor: Tensor | None,
) -> Tensor:
    """Where the visible edges end of targets that have one edge, or none, from `begin` to `end`.

    Args:
        row, source_time: of the `Relation`.
        limit, floor: [n] int64 seconds, as for `num_visible`.
    Returns: [n] int64.
    """
    end = end.clone()
    (some,) = (end > begin).nonzero(as_tuple=True)
    time = source_time[row[begin[some]]]
    seen = time <= limit[some]
    if floor is not None:
        seen &= time > floor[some]
    end[some] -= (~seen).long()
    return end


def _first_later(times: Tensor, low: Tensor, high: Tensor, instant: Tensor) -> Tensor:
    """First edge of each part [low, high) later than an instant, `high` where none is."""
    longest = int((high - low).max()) if low.numel() else 0
    for _ in range(longest.bit_length()):
        middle = (low + high) // 2
        # A part that has shrunk to nothing may stand at the end of all edges.
        later = (low >= high) | (times[middle.clamp(max=len(times) - 1)] > instant)
        low, high = where(later, low, middle + 1), where(later, middle, high)
    return low
