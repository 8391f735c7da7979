"""From raw tables to an arranged folder: sorted, positioned, fingerprinted, RelBench-readable."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from hgl.db.cache import digest, digest_files
from hgl.db.clock import free_name, set_clocks
from hgl.db.complete import complete
from hgl.db.duck import connect, identifier, literal, parquet
from hgl.db.files import table_file
from hgl.db.inherit import inherit_times
from hgl.db.order import RowOrder
from hgl.db.overrides import Overrides
from hgl.db.raw import Raw, open_views
from hgl.db.schema import Column, ForeignKey, Schema, TableSchema, write_manifest
from hgl.db.split import propose_timestamps

log = logging.getLogger(__name__)

INFERRED = "inferred.txt"
"""File beside the manifest that says what was inferred and why."""


_MEMORY = ("128MB", "512MB", "2GB", None)
"""What DuckDB may hold before it spills, tried in turn: few queries cannot do with little."""


def arrange(raw: Raw, folder: Path, overrides: Overrides) -> Schema:
    """Write `raw` to `folder` as `db/<table>.parquet` and, last, `manifest.yaml`.

    Raises: SchemaError: an override names what does not exist, or a key is not unique.
    """
    for memory in _MEMORY[:-1]:
        try:
            return _arrange(raw, folder, overrides, memory)
        except duckdb.OutOfMemoryException:
            log.info("%s is not enough memory for %s; trying with more", memory, raw.schema.name)
    return _arrange(raw, folder, overrides, _MEMORY[-1])


def _arrange(raw: Raw, folder: Path, overrides: Overrides, memory: str | None) -> Schema:
    db = folder / "db"
    shutil.rmtree(db, ignore_errors=True)
    db.mkdir(parents=True)
    with connect(memory) as connection:
        raw = open_views(connection, raw)
        schema, findings = complete(connection, raw, overrides)
        schema, unit = set_clocks(connection, schema)
        order = RowOrder(connection, schema, unit)
        inherit_times(order, overrides)
        defects = {**raw.defects, **schema.defects}
        tables = {}
        for name, table in order.schema.tables.items():
            tables[name] = _write(order, _with_positions(table), db)
            defects |= _defects(connection, tables[name], db, order.null_keys.get(name, 0))
        schema = dataclasses.replace(schema, tables=tables, defects=defects)
        schema = propose_timestamps(connection, schema, db)
    (folder / INFERRED).write_text("\n".join([*findings, ""]), encoding="utf-8")
    schema = dataclasses.replace(schema, fingerprint=fingerprint(schema, db))
    write_manifest(schema, folder)
    return schema


def fingerprint(schema: Schema, db: Path) -> str:
    """Return a hash of the stored data and of what the schema says about it."""
    described = {t.name: repr(t) for t in schema.tables.values()}
    return digest(described, digest_files(table_file(db, t) for t in schema.tables))


def stored_columns(file: Path, known: TableSchema) -> tuple[Column, ...]:
    """Return the columns of a Parquet file: Arrow types, and semantic types where known."""
    notes = {c.name: c for c in known.columns}
    return tuple(
        dataclasses.replace(notes.get(f.name, Column(f.name, "")), type=str(f.type))
        for f in pq.read_schema(file)
    )


def _with_positions(table: TableSchema) -> TableSchema:
    """Return `table` with names for its position columns, and those columns."""
    taken = [c.name for c in table.columns]
    row_col = free_name("_row", taken)
    columns = [Column(row_col, "", "ignored", "row position")]
    fkeys: list[ForeignKey] = []
    for fkey in table.fkeys:
        name = free_name(f"{fkey.name}_row", [*taken, *(c.name for c in columns)])
        columns.append(Column(name, "", "ignored", f"row position in {fkey.parent}"))
        fkeys.append(dataclasses.replace(fkey, row_col=name))
    return dataclasses.replace(
        table, row_col=row_col, fkeys=tuple(fkeys), columns=(*table.columns, *columns)
    )


def _write(order: RowOrder, table: TableSchema, db: Path) -> TableSchema:
    """Write one table in its order; return it with the columns as stored."""
    if table.pkey:
        order.check_unique(table, table.pkey)
    inherited = order.inherited.get(table.name, ())
    by_name = {f.name: f for f in table.fkeys}
    joined = [*(by_name[f.name] for f in inherited)]
    joined += [f for f in table.fkeys if f not in joined]
    columns = [f"child.{identifier(c.name)}" for c in order.schema.table(table.name).columns]
    if inherited:
        columns[-1] = f"{order.time(table)} AS {identifier(str(table.time_col))}"
    columns += [f"p{i}.row AS {identifier(f.row_col)}" for i, f in enumerate(joined)]
    rows = (
        f"SELECT {', '.join(columns)} FROM {order.relation(table, joined)} "
        f"ORDER BY {order.sort_key(table)}"
    )
    file = table_file(db, table.name)
    order.connection.execute(
        f"COPY (SELECT *, row_number() OVER () - 1 AS {identifier(str(table.row_col))} "
        f"FROM ({rows})) TO {literal(file)} (FORMAT parquet)"
    )
    return dataclasses.replace(table, columns=stored_columns(file, table))


def _defects(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, db: Path, null_keys: int
) -> dict[str, int]:
    """Return the non-zero counts of null and dangling keys and null times."""
    counts = {f"{table.name}: null primary key": str(null_keys)}
    if table.time_col:
        counts[f"{table.name}.{table.time_col}: null"] = (
            f"count(*) - count({identifier(table.time_col)})"
        )
    for fkey in table.fkeys:
        absent = " OR ".join(f"{identifier(c)} IS NULL" for c in fkey.columns)
        counts[f"{table.name}.{fkey.name}: null"] = f"count(*) FILTER ({absent})"
        counts[f"{table.name}.{fkey.name}: dangling"] = (
            f"count(*) FILTER (NOT ({absent}) AND {identifier(fkey.row_col)} IS NULL)"
        )
    source = parquet([table_file(db, table.name)])
    found = connection.execute(f"SELECT {', '.join(counts.values())} FROM {source}").fetchone()
    defects = {name: int(n) for name, n in zip(counts, found or ()) if n}
    for name, count in defects.items():
        log.warning("%s: %d", name, count)
    return defects
