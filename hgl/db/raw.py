"""Tables as a source holds them: where to scan each one, and what the source declares."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from hgl.db.duck import described, identifier
from hgl.db.schema import Column, Schema, TableSchema
from hgl.db.types import stored
from hgl.errors import SchemaError, SourceError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Raw:
    """A source before it is arranged.

    Attributes:
        schema: the tables and the keys the source declares; columns may be left to `open_views`.
        scans: per table, the DuckDB table expression that reads it.
        fkeys_declared: tables whose foreign keys the source states, so none are inferred.
        defects: counts found while reading, for example `{"t.price: not a number": 9}`.
    """

    schema: Schema
    scans: Mapping[str, str]
    fkeys_declared: frozenset[str] = frozenset()
    defects: Mapping[str, int] = field(default_factory=dict)


def open_views(connection: duckdb.DuckDBPyConnection, raw: Raw) -> Raw:
    """Create one view per table with its columns as they will be stored; return their schema.

    Raises: SchemaError: there are no tables, or two whose names differ only in case.
    """
    check_names(raw.schema.tables, f"source {raw.schema.name!r}")
    tables, defects = {}, dict(raw.defects)
    for name, table in raw.schema.tables.items():
        tables[name], left_out = _open_view(connection, table, raw.scans[name])
        for column in left_out:
            defects[f"{name}.{column}: blob left out"] = tables[name].num_rows
            log.warning("%s.%s holds blobs; the column is left out", name, column)
    schema = dataclasses.replace(raw.schema, tables=tables)
    return dataclasses.replace(raw, schema=schema, defects=defects)


def check_names(tables: Iterable[str], source: str) -> None:
    """Raise SchemaError when there are no tables or two whose names differ only in case."""
    seen: dict[str, str] = {}
    for name in tables:
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise SchemaError(
                f"{source}: tables {other!r} and {name!r} differ only in case; exclude one of them"
            )
    if not seen:
        raise SchemaError(f"{source} holds no tables")


def _open_view(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, scan: str
) -> tuple[TableSchema, list[str]]:
    """Create the view of one table; return the table with its columns, and those left out.

    Raises: SourceError: its file is damaged. SchemaError: it has no column to read.
    """
    try:
        found = described(connection, scan)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"table {table.name!r} cannot be read: {reason}") from None
    kept = {c: stored(c, kind, "raw") for c, kind in found.items()}
    chosen = [f"{sql} AS {identifier(c)}" for c, sql in kept.items() if sql]
    if not chosen:
        raise SchemaError(
            f"table {table.name!r} has no readable column; it has: {', '.join(found)}"
        )
    view = identifier(table.name)
    connection.execute(f"CREATE VIEW {view} AS SELECT {', '.join(chosen)} FROM {scan} raw")
    columns = tuple(Column(c, kind) for c, kind in described(connection, view).items())
    (rows,) = connection.execute(f"SELECT count(*) FROM {scan}").fetchone() or (0,)
    counted = dataclasses.replace(table, columns=columns, num_rows=rows)
    return counted, [c for c, sql in kept.items() if sql is None]
