"""RelBench folders: v3 (`manifest.yaml`) and v2 (keys in the Parquet metadata), read in place."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db import times
from hgl.db.arrange import fingerprint, stored_columns
from hgl.db.cache import code_version, digest, digest_files, entry
from hgl.db.duck import connect, identifier, parquet
from hgl.db.files import table_file
from hgl.db.infer import infer_columns
from hgl.db.schema import Column, ForeignKey, Schema, TableSchema, read_manifest, write_manifest
from hgl.db.split import propose_timestamps
from hgl.db.unpacked import check_unpacked
from hgl.errors import MissingExtra, SchemaError, SourceError

log = logging.getLogger(__name__)

_KEYS = ("pkey_col", "time_col", "fkey_col_to_pkey_table")
_ROW, _EARLIER = map(identifier, ("hgl:row", "hgl:earlier"))
_MANIFEST_VERSION = 1


def is_relbench(folder: Path) -> bool:
    """Whether `folder` holds a RelBench dataset: a `db` folder, and keys in either place."""
    files = sorted((folder / "db").glob("*.parquet"))
    return bool(files) and ((folder / "manifest.yaml").is_file() or bool(_v2_keys(files[0])))


def download(name: str) -> Path:
    """Return the local folder of a hosted RelBench dataset such as `rel-f1`, fetched if need be.

    Raises: MissingExtra: relbench is not installed. SourceError: it cannot be fetched.
    """
    try:
        from relbench import hf
    except ImportError:
        raise MissingExtra("relbench", "bench", f"loading {name!r} by name") from None
    try:
        folder = hf.download_dataset_dir(name)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(f"RelBench dataset {name!r} cannot be fetched: {reason}") from None
    if not (folder / "manifest.yaml").is_file():
        raise SourceError(f"RelBench dataset {name!r} is not hosted, or the network is not there")
    return folder


def download_task(name: str, task: str) -> Path | None:
    """Return the local folder of a hosted dataset's task, fetched if need be; None: there is none.

    Raises: MissingExtra, SourceError: as `download` says.
    """
    if (own := download(name) / "tasks" / task).is_dir():
        return own
    from relbench import hf

    return hf.find_task_dir(name, task)


def relbench_manifest(folder: Path) -> Mapping[str, Any]:
    """Return the v3 manifest of a RelBench folder, made from the Parquet metadata for v2.

    Raises: SourceError: a table's file is absent or unreadable. SchemaError: the manifest has no
        `tables`, or a foreign key refers to none of them.
    """
    if (folder / "manifest.yaml").is_file():
        return _checked(read_manifest(folder / "manifest.yaml"), folder)
    tables = {}
    for file in sorted((folder / "db").glob("*.parquet")):
        keys = _v2_keys(file)
        tables[file.stem] = {
            "pkey": keys.get("pkey_col"),
            "time_col": keys.get("time_col"),
            "fkeys": keys.get("fkey_col_to_pkey_table") or {},
        }
    return {"name": folder.name, "tables": tables}


def open_relbench(folder: Path) -> Schema | None:
    """Return the schema of a RelBench folder, or None where its rows break RelBench's key contract
    (keys 0..n-1 in row order, rows in order of time) and have to be arranged first.

    Each primary key is its own row position, each foreign key its own position column. What is
    found out about the data is kept in the cache by content.

    Raises: SourceError: a table is absent.
    """
    manifest = relbench_manifest(folder)
    files = [_file(folder, name) for name in sorted(manifest["tables"])]
    key = digest(code_version(), digest_files([*files, *folder.glob("manifest.yaml")]))

    def build(aside: Path) -> None:
        with connect() as connection:
            schema = _schema(connection, manifest, folder)
            if _holds_contract(connection, schema):
                write_manifest(schema, aside)

    stored = entry("relbench", key, build) / "manifest.yaml"
    if not stored.is_file():
        return None
    return Schema.from_manifest(read_manifest(stored))


def _checked(manifest: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return `manifest` after looking at its shape; columns are looked at with the tables."""
    where, tables = f"manifest of {str(folder)!r}", manifest.get("tables")
    version = manifest.get("manifest_version", _MANIFEST_VERSION)
    if version != _MANIFEST_VERSION:
        raise SchemaError(
            f"{where}: manifest_version is {version!r}; expected {_MANIFEST_VERSION}, the one that "
            "this hgl knows: a newer hgl may read it"
        )
    if not isinstance(tables, Mapping) or not tables:
        raise SchemaError(f"{where}: `tables` is {tables!r}; expected a mapping by table name")
    for name, keys in tables.items():
        fkeys = keys.get("fkeys") or {} if isinstance(keys, Mapping) else None
        if not isinstance(fkeys, Mapping):
            raise SchemaError(
                f"{where}: table {name!r} is {keys!r}; expected pkey, time_col, fkeys"
            )
        for column, parent in fkeys.items():
            if parent not in tables or not isinstance(tables[parent], Mapping):
                raise SchemaError(
                    f"{where}: {name}.{column} refers to {parent!r}, which is no table"
                )
    return {"name": folder.name, **manifest}


def _file(folder: Path, table: str) -> Path:
    file = table_file(folder / "db", table)
    if not file.is_file():
        raise SourceError(f"RelBench folder {str(folder)!r}: table {table!r} has no file {file}")
    check_unpacked(table, file)
    return file


def _v2_keys(file: Path) -> dict[str, Any]:
    """Return the keys that RelBench 2 keeps in a Parquet file's metadata."""
    metadata = pq.read_schema(file).metadata or {}
    return {k: json.loads(metadata[k.encode()]) for k in _KEYS if k.encode() in metadata}


def _schema(
    connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], folder: Path
) -> Schema:
    """Return the folder's schema with inferred column types, and open one view per table."""
    tables = {}
    for name, keys in manifest["tables"].items():
        file = _file(folder, name)
        view = f"CREATE VIEW {identifier(name)} AS SELECT * FROM {parquet([file])}"
        connection.execute(view)
        table = infer_columns(connection, _table(name, keys, manifest["tables"], file))[0]
        tables[name] = dataclasses.replace(table, columns=stored_columns(file, table))
    schema = Schema(
        name=str(manifest.get("name") or folder.name),
        tables=tables,
        val_timestamp=_text(manifest.get("val_timestamp")),
        test_timestamp=_text(manifest.get("test_timestamp")),
        description=manifest.get("description") or "",
    )
    schema = propose_timestamps(connection, schema, folder / "db")
    return dataclasses.replace(schema, fingerprint=fingerprint(schema, folder / "db"))


def _table(
    name: str, keys: Mapping[str, Any], tables: Mapping[str, Any], file: Path
) -> TableSchema:
    fkeys = []
    for column, parent in (keys.get("fkeys") or {}).items():
        parent_key = tables[parent].get("pkey")
        if parent_key is None:
            raise SchemaError(
                f"foreign key {name}.{column}: {parent!r} has no pkey in the manifest"
            )
        fkeys.append(ForeignKey(column, (column,), parent, (parent_key,), column))
    pkey, time_col = keys.get("pkey"), keys.get("time_col")
    table = TableSchema(
        name=name,
        columns=tuple(Column(f.name, str(f.type)) for f in pq.read_schema(file)),
        pkey=(pkey,) if pkey else (),
        row_col=pkey,
        time_col=time_col,
        time_reason="stated in the manifest" if time_col else "no time column in the manifest",
        fkeys=tuple(fkeys),
        num_rows=pq.read_metadata(file).num_rows,
    )
    for column in filter(None, (pkey, time_col, *(f.row_col for f in fkeys))):
        table.column(column)
    if time_col and not pa.types.is_temporal(pq.read_schema(file).field(time_col).type):
        kind = table.column(time_col).type
        raise SchemaError(f"time column {name}.{time_col} is {kind}; expected dates or timestamps")
    return table


def _holds_contract(connection: duckdb.DuckDBPyConnection, schema: Schema) -> bool:
    """Whether keys are row positions and rows lie in order of time, nulls last."""
    for table in schema.tables.values():
        broken = ["FALSE"]
        if table.row_col:
            broken.append(f"{identifier(table.row_col)} IS DISTINCT FROM {_ROW}")
        if table.time_col:
            time = identifier(table.time_col)
            broken.append(f"{time} < {_EARLIER}")
            broken.append(f"{time} IS NOT NULL AND {_ROW} > 0 AND {_EARLIER} IS NULL")
        # Without an order of their own, windows follow the rows as they are read and hold none.
        earlier = f"lag({identifier(table.time_col)}) OVER ()" if table.time_col else "NULL"
        rows = (
            f"SELECT *, row_number() OVER () - 1 AS {_ROW}, {earlier} AS {_EARLIER} "
            f"FROM {identifier(table.name)}"
        )
        flagged = f"SELECT ({' OR '.join(broken)}) AS broken FROM ({rows})"
        query = f"SELECT count(*) FROM ({flagged}) WHERE broken"
        (count,) = connection.execute(query).fetchone() or (0,)
        if count:
            log.warning(
                "%s breaks RelBench's key contract in %d rows; arranging a copy", table.name, count
            )
            return False
    return True


def _text(timestamp: object) -> str | None:
    """Return a timestamp as ISO text; YAML reads unquoted ones as dates."""
    return None if timestamp is None else times.text(times.instant(timestamp))
