"""Names shared by every layer. Instants are int64 seconds since the epoch, UTC."""

from __future__ import annotations

from typing import Literal

NodeType = str
EdgeType = tuple[str, str, str]
Metadata = tuple[list[NodeType], list[EdgeType]]

Split = Literal["train", "val", "test"]
Cut = Literal["inclusive", "strict"]
"""`inclusive` admits rows at the seed time, `strict` only earlier ones."""
Policy = Literal["frozen", "rolling"]
"""`frozen` ends the database at the test timestamp, `rolling` lets each seed see what precedes it."""
Stype = Literal["numerical", "categorical", "boolean", "timestamp", "text", "ignored"]
"""A column's semantic type; `ignored` covers identifiers, blobs and columns left out."""

STATIC_TIME = -(2**63)
"""Time of a row that is always visible (its table has no time column)."""
UNKNOWN_TIME = 2**63 - 1
"""Time of a row whose time is null in a timed table: never visible."""
