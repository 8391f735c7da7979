"""SQL of a feature's value, from what was looked up for a seed."""

from __future__ import annotations

from collections.abc import Sequence

from hgl.aggregates.cells import number_cell, text_cell
from hgl.aggregates.feature import Feature
from hgl.db.schema import TableSchema
from hgl.features.periods import YEAR
from hgl.features.statistics import instant_sql

PERIODS = {"year": int(YEAR), "week": 7 * 86400, "day": 86400}
"""Seconds of the periods that `phase` knows."""
DAY = 86400.0


def own_cell(feature: Feature, table: TableSchema) -> str:
    """Return the SQL of what a `value` or `age` reads of the entity's own row."""
    column = table.column(str(feature.column)).name
    if feature.function == "age":
        return instant_sql(column)
    return text_cell(table, column) if feature.categorical else number_cell(table, column)


def own_answer(feature: Feature, cell: str) -> str:
    """Return the SQL of a feature of the entity's own row, or of the seed's time.

    Args:
        cell: the name of what `own_cell` reads; "" for functions of the seed's time.
    """
    if feature.function == "phase":
        period, wave = str(feature.value).split(" ")
        length = PERIODS[period]
        return f"{wave}(2 * pi() * (s.time % {length}) / {length})"
    if feature.function == "since":
        return f"(s.time - ({int(str(feature.value))})) / {DAY}"
    return f"(s.time - {cell}) / {YEAR}" if feature.function == "age" else cell


def source_answer(feature: Feature, now: Sequence[str], before: Sequence[str]) -> str:
    """Return the SQL of a feature of other rows.

    Args:
        now: what is kept for the feature (`running_terms`) at the seed's limit, null for no rows.
        before: the same where its window of seconds starts; () for other windows.
    """
    if feature.function == "days":
        return f"(s.time - {now[0]}) / {DAY}"
    if feature.function in ("count", "distinct") or before:
        now = [f"coalesce({column}, 0)" for column in now]
    if before:
        now = [f"({a} - coalesce({b}, 0))" for a, b in zip(now, before, strict=True)]
    return now[0] if len(now) == 1 else f"{now[0]} / nullif({now[1]}, 0)"
