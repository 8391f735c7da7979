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
    begin, end = relation.colptr[rows], relation.colptr[rows + 1]
    if relation.time is None:
        return end - begin
    end = _first_later(relation.time, begin, end, limit)
    return end - (begin if floor is None else _first_later(relation.time, begin, end, floor))


def _first_later(times: Tensor, low: Tensor, high: Tensor, instant: Tensor) -> Tensor:
    """First edge of each part [low, high) later than an instant, `high` where none is."""
    longest = int((high - low).max()) if low.numel() else 0
    for _ in range(longest.bit_length()):
        middle = (low + high) // 2
        # A part that has shrunk to nothing may stand at the end of all edges.
        later = (low >= high) | (times[middle.clamp(max=len(times) - 1)] > instant)
        low, high = where(later, low, middle + 1), where(later, middle, high)
    return low
