"""Each table's time column as RelBench can read it: a naive UTC timestamp with a plain name."""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Iterable, Mapping

import duckdb

from hgl.db.duck import described, identifier
from hgl.db.schema import Column, Schema, TableSchema
from hgl.db.types import is_instant, is_number
from hgl.errors import SchemaError

_NANOSECONDS = "TIMESTAMP '1678-01-01'", "TIMESTAMP '2262-01-01'"
"""Instants that int64 nanoseconds can hold."""
_LAST_YEAR = 3000
_EPOCHS = {1e11: "* 1000000", 1e14: "* 1000", 1e17: "", float("inf"): "// 1000"}
"""Numbers up to each bound count seconds, milliseconds, microseconds, nanoseconds: to make us."""


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return `wanted`, with as many trailing underscores as make it new (case aside)."""
    lowered = {t.lower() for t in taken}
    while wanted.lower() in lowered:
        wanted += "_"
    return wanted


def clocked(table: str) -> str:
    """Return the SQL name of the view that `set_clocks` makes for `table`."""
    return f"clocked.{identifier(table)}"


def set_clocks(connection: duckdb.DuckDBPyConnection, schema: Schema) -> tuple[Schema, str]:
    """Create views `clocked.<table>` whose time columns are timestamps of one unit.

    A date, timestamp or ISO text is converted where it stands; so is text of semantic type
    timestamp. A number (seconds, milliseconds, microseconds or nanoseconds since the epoch, or a
    year, which counts as known when it ends) and a column whose name RelBench cannot read are
    copied to `_time` instead.

    Returns: the schema with final time columns and the counts of values that are no time, and the
        DuckDB type of every time: nanoseconds, as RelBench assumes, or microseconds where one
        instant does not fit.
    Raises: SchemaError: a time column holds nothing that is a time.
    """
    connection.execute("CREATE SCHEMA clocked")
    kinds = {name: described(connection, identifier(name)) for name in schema.tables}
    timed = [t for t in schema.tables.values() if t.time_col]
    instants = {t.name: _instant(connection, t, kinds[t.name][str(t.time_col)]) for t in timed}
    looks = {t.name: _look(connection, t, instants[t.name]) for t in timed}
    unit = "TIMESTAMP" if any(beyond for _, beyond in looks.values()) else "TIMESTAMP_NS"
    tables = {}
    for name, table in schema.tables.items():
        replaced = _parsed_texts(table, kinds[name])
        if name in instants:
            table = _renamed(table, kinds[name])
            replaced[str(table.time_col)] = f"TRY_CAST({instants[name]} AS {unit})"
        _create_view(connection, table, replaced)
        tables[name] = table
    lost = {f"{t.name}.{t.time_col}: not a time": looks[t.name][0] for t in timed}
    defects = {**schema.defects, **{defect: n for defect, n in lost.items() if n}}
    return dataclasses.replace(schema, tables=tables, defects=defects), unit


def _instant(connection: duckdb.DuckDBPyConnection, table: TableSchema, kind: str) -> str:
    """Return the SQL expression of the table's time as a timestamp."""
    name = identifier(str(table.time_col))
    if is_instant(kind):
        return name
    if kind == "VARCHAR":
        return _parsed(name)
    if not is_number(kind):
        raise SchemaError(f"time column {table.name}.{table.time_col} has type {kind}, not a time")
    query = (
        f"SELECT coalesce(max(abs({name}::DOUBLE)), 0) FROM {identifier(table.name)} "
        f"WHERE isfinite({name}::DOUBLE)"
    )
    (largest,) = connection.execute(query).fetchall()[0]
    if largest < _LAST_YEAR:
        return f"TRY(make_timestamp({name}::BIGINT + 1, 1, 1, 0, 0, 0.0))"
    scale = next(scale for bound, scale in _EPOCHS.items() if largest < bound)
    return f"TRY(make_timestamp(({name} {scale})::BIGINT))"


def _look(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, instant: str
) -> tuple[int, int]:
    """Return how many values are no time, and how many times nanoseconds cannot hold.

    Raises: SchemaError: there are values, but none is a time.
    """
    column = identifier(str(table.time_col))
    low, high = _NANOSECONDS
    query = (
        f"SELECT count({column}), count({instant}), min({column})::VARCHAR, "
        f"count(*) FILTER (NOT ({instant})::TIMESTAMP BETWEEN {low} AND {high}) "
        f"FROM {identifier(table.name)}"
    )
    filled, known, example, beyond = connection.execute(query).fetchall()[0]
    if filled and not known:
        raise SchemaError(
            f"time column {table.name}.{table.time_col} holds no time, for example {example!r}"
        )
    return filled - known, beyond


def _parsed(name: str) -> str:
    """Return the SQL expression that reads ISO text as a naive UTC timestamp, or null."""
    return f"(TRY_CAST({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"


def _parsed_texts(table: TableSchema, kinds: Mapping[str, str]) -> dict[str, str]:
    """Return expressions for text columns that were said to be timestamps."""
    texts = [c.name for c in table.columns if c.stype == "timestamp" and kinds[c.name] == "VARCHAR"]
    return {name: _parsed(identifier(name)) for name in texts}


def _renamed(table: TableSchema, kinds: Mapping[str, str]) -> TableSchema:
    """Return `table` with time column `_time` where the user's own has to stay as it is."""
    own = str(table.time_col)
    plain = own.isidentifier() and not keyword.iskeyword(own)
    if plain and not is_number(kinds[own]):
        return table
    name = free_name("_time", (c.name for c in table.columns))
    column = Column(name, "", "ignored", f"the row's time, from {own}")
    return dataclasses.replace(
        table,
        time_col=name,
        time_reason=f"{table.time_reason}; copied from {own}".lstrip("; "),
        columns=(*table.columns, column),
    )


def _create_view(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, replaced: Mapping[str, str]
) -> None:
    """Create `clocked.<table>`, every column its own or the expression that replaces it."""
    columns = (
        f"{replaced.get(c.name, identifier(c.name))} AS {identifier(c.name)}" for c in table.columns
    )
    connection.execute(
        f"CREATE VIEW {clocked(table.name)} AS "
        f"SELECT {', '.join(columns)} FROM main.{identifier(table.name)}"
    )
