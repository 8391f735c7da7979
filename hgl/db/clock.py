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

    Returns: the schema with final time columns, and the DuckDB type of every time.
    Raises: SchemaError: a time column holds neither.
    """
    connection.execute("CREATE SCHEMA clocked")
    kinds = {name: described(connection, identifier(name)) for name in schema.tables}
    instants = {
        t.name: _instant(connection, t, kinds[t.name][t.time_col])
        for t in schema.tables.values()
        if t.time_col
    }
    unit = _unit(connection, instants)
    tables = {}
    for name, table in schema.tables.items():
        replaced = _parsed_texts(table, kinds[name])
        if name in instants:
            table = _renamed(table, kinds[name])
            replaced[str(table.time_col)] = f"TRY_CAST({instants[name]} AS {unit})"
        _create_view(connection, table, replaced)
        tables[name] = table
    return dataclasses.replace(schema, tables=tables), unit


def _instant(connection: duckdb.DuckDBPyConnection, table: TableSchema, kind: str) -> str:
    """Return the SQL expression of the table's time as a timestamp."""
    name = identifier(str(table.time_col))
    if is_instant(kind):
        return name
    if kind == "VARCHAR":
        return _parsed(name)
    if not is_number(kind):
        raise SchemaError(f"time column {table.name}.{table.time_col} has type {kind}, not a time")
    query = f"SELECT max(abs({name}::DOUBLE)) FROM {identifier(table.name)}"
    (largest,) = connection.execute(query).fetchone() or (None,)
    if (largest or 0) < _LAST_YEAR:
        return f"make_timestamp({name}::BIGINT + 1, 1, 1, 0, 0, 0.0)"
    scale = next(scale for bound, scale in _EPOCHS.items() if largest < bound)
    return f"make_timestamp(({name} {scale})::BIGINT)"


def _parsed(name: str) -> str:
    """Return the SQL expression that reads ISO text as a naive UTC timestamp, or null."""
    return f"(TRY_CAST({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"


def _parsed_texts(table: TableSchema, kinds: Mapping[str, str]) -> dict[str, str]:
    """Return expressions for text columns that were said to be timestamps."""
    texts = [c.name for c in table.columns if c.stype == "timestamp" and kinds[c.name] == "VARCHAR"]
    return {name: _parsed(identifier(name)) for name in texts}


def _unit(connection: duckdb.DuckDBPyConnection, instants: Mapping[str, str]) -> str:
    """Return nanoseconds, as RelBench assumes, or microseconds where an instant does not fit."""
    low, high = _NANOSECONDS
    for table, instant in instants.items():
        query = (
            f"SELECT count(*) FROM {identifier(table)} "
            f"WHERE NOT ({instant})::TIMESTAMP BETWEEN {low} AND {high}"
        )
        if connection.execute(query).fetchone() != (0,):
            return "TIMESTAMP"
    return "TIMESTAMP_NS"


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
