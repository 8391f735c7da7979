"""Events that are recorded later than they happen, so that a label is not known when its window
ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb

from hgl.audit.case import Case
from hgl.audit.suspicions.shown import children
from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.features.statistics import instant_sql
from hgl.results.finding import Finding

ALWAYS, MOSTLY = 0.99, 0.5
"""Shares of rows whose record is no earlier, and later, than the event."""
SHORT = 0.1
"""Of the table's time, which a delay is not longer than; a last access is."""


def late_records(case: Case) -> Iterator[Finding]:
    """Flag times of the tables behind the labels that follow the row's time with a delay."""
    with case.db.connect() as connection:
        for table in _behind_labels(case):
            for column in table.columns:
                if column.type.startswith(("timestamp", "date")) and column.name != table.time_col:
                    yield from _late(connection, table, column.name)


def _behind_labels(case: Case) -> list[TableSchema]:
    """Timed tables that the label SQL names, or that refer to the entity."""
    tables = case.db.schema.tables
    if case.task.sql:
        words = {word.lower() for word in re.findall(r"\w+", case.task.sql)}
        named = [t for t in tables.values() if t.name.lower() in words]
        return [t for t in named if t.time_col]
    found = {child.name: child for child, _ in children(case, case.task.entity_table)}
    return list(found.values())


def _late(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, column: str
) -> Iterator[Finding]:
    own, delay = instant_sql(str(table.time_col)), "delay"
    rows = connection.execute(
        f"SELECT avg(({delay} >= 0)::INT), avg(({delay} > 0)::INT), "
        f"quantile_cont({delay}, [0.5, 0.95, 0.99]), max(own) - min(own) "
        f"FROM (SELECT {own} AS own, {instant_sql(column)} - {own} AS {delay} "
        f"FROM {identifier(table.name)})"
    ).fetchall()
    never_before, later, delays, span = rows[0]
    if delays is None:
        return
    middle, high, highest = delays
    if never_before >= ALWAYS and later >= MOSTLY and highest <= SHORT * span:
        yield Finding(
            check="late record",
            severity="suspicion",
            place=f"{table.name}.{column}",
            evidence=f"{100 * later:.0f} % of rows have it later than {table.time_col}: by "
            f"{middle / 3600:.1f} h in the middle, by {high / 3600:.1f} h in one of twenty",
            remedy=f"if rows are there from {column} on, make it the time column; a label is then "
            "complete only that much after its window ends",
        )
