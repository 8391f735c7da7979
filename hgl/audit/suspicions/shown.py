"""What features may hold, and SQL for it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from hgl.audit.case import Case
from hgl.db.duck import identifier
from hgl.db.schema import Column, ForeignKey, TableSchema
from hgl.tasks import autocomplete

ROW = identifier("hgl:row")


def shown(case: Case, *stypes: str) -> Iterator[tuple[TableSchema, list[Column]]]:
    """Yield each table with its columns of these semantic types that features may hold.

    Keys, the row's own time and what the task removes are no features.
    """
    removed = set(autocomplete.settled(case.task, case.db).remove_columns)
    for table in case.db.schema.tables.values():
        hidden = {table.time_col, *table.key_columns}
        columns = [
            c
            for c in table.columns
            if c.stype in stypes and c.name not in hidden and (table.name, c.name) not in removed
        ]
        if columns:
            yield table, columns


def children(case: Case, parent: str) -> Iterator[tuple[TableSchema, ForeignKey]]:
    """Yield each foreign key that names `parent` from a table with a time."""
    for table in case.db.schema.tables.values():
        for fkey in table.fkeys:
            if fkey.parent == parent and table.time_col:
                yield table, fkey


def instant(table: TableSchema, alias: str = "") -> str:
    """SQL for when a row of a timed table became known: whole seconds, rounded up."""
    column = f"{alias}.{identifier(str(table.time_col))}" if alias else _time(table)
    return f"CAST(ceil(epoch({column})) AS BIGINT)"


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Return the one number that a query gives."""
    return int(connection.execute(sql).fetchall()[0][0])


def numbered(table: TableSchema) -> str:
    """SQL for the rows of a table with their positions as `hgl:row`."""
    position = identifier(table.row_col) if table.row_col else "row_number() OVER () - 1"
    return f"(SELECT *, {position} AS {ROW} FROM {identifier(table.name)})"


def mentions(children_of: list[tuple[TableSchema, ForeignKey]]) -> str:
    """SQL for `entity` (the parent's row) and `known` (seconds) of every child row."""
    return " UNION ALL ".join(
        f"SELECT {identifier(fkey.row_col)} AS entity, {instant(child)} AS known "
        f"FROM {identifier(child.name)} "
        f"WHERE {identifier(fkey.row_col)} IS NOT NULL AND {_time(child)} IS NOT NULL"
        for child, fkey in children_of
    )


def _time(table: TableSchema) -> str:
    return identifier(str(table.time_col))
