"""Names shared by every layer. Instants are int64 seconds since the epoch, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NodeType = str
EdgeType = tuple[str, str, str]
Metadata = tuple[list[NodeType], list[EdgeType]]

Split = Literal["train", "val", "test"]
Cut = Literal["inclusive", "strict"]
"""`inclusive` admits rows at the seed time, `strict` only earlier ones."""
Policy = Literal["frozen", "rolling"]
"""`frozen` ends the database at the test timestamp; `rolling`: each seed sees what precedes it."""
Stype = Literal["numerical", "categorical", "boolean", "timestamp", "text", "ignored"]
"""A column's semantic type; `ignored` covers identifiers, blobs and columns left out."""

STATIC_TIME = -(2**63)
"""Time of a row that is always visible (its table has no time column)."""
UNKNOWN_TIME = 2**63 - 1
"""Time of a row whose time is null in a timed table: never visible."""


def reverse_of(edge_type: EdgeType) -> EdgeType:
    """The same relation the other way: PyG's prefix `rev_` is put before the label or taken off."""
    source, relation, target = edge_type
    forth = relation.startswith("rev_")
    return target, relation.removeprefix("rev_") if forth else f"rev_{relation}", source


@dataclass(frozen=True)
class TableLayout:
    """What a table's encoded columns look like: all a row encoder needs to size itself.

    Attributes:
        numerical: column names; block `numerical` is [rows, len, float32], missing is NaN.
        knots: per numerical column, ascending values that split the training rows evenly.
        categorical: column names; block `categorical` is [rows, len], int32 codes: 0 missing,
            1 unknown (not seen by the statistics), 2 and up known.
        cardinalities: per categorical column, number of codes.
        timestamp: column names; block `timestamp` is [rows, len, TIMESTAMP_PARTS], missing is NaN.
        text: column names; block `text` is [rows, len, text_channels], float32.
    """

    numerical: tuple[str, ...] = ()
    knots: tuple[tuple[float, ...], ...] = ()
    categorical: tuple[str, ...] = ()
    cardinalities: tuple[int, ...] = ()
    timestamp: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    text_channels: int = 0


TIMESTAMP_PARTS = 9
"""Sines of the time of year, month, week and day, their cosines, then the age."""
