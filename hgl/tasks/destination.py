"""What a recommendation task recommends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Destination:
    """The other end of a link. Field names are RelBench's.

    Attributes:
        dst_entity_table: the table whose rows are recommended.
        dst_entity_col: columns of the label table that name such a row, as `Task.entity_col`.
        eval_k: rows recommended per seed.
    """

    dst_entity_table: str
    dst_entity_col: tuple[str, ...]
    eval_k: int
