"""How ingest reports what it has read, so that somebody else may draw it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told about every table in turn; a bar per table needs nothing else."""

    def start(self, table: str, total: int | None) -> None:
        """Reading `table` begins; `total` rows are expected, None when nobody counted."""

    def advance(self, table: str, rows: int) -> None:
        """`rows` more rows of `table` are stored."""

    def finish(self, table: str) -> None:
        """`table` is whole."""


class NoProgress:
    """Says nothing."""

    def start(self, table: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, table: str, rows: int) -> None:
        """Say nothing."""

    def finish(self, table: str) -> None:
        """Say nothing."""
