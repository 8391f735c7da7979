"""A database with one more table; the others are the same files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db.arrange import fingerprint
from hgl.db.database import Database
from hgl.db.files import share, table_file
from hgl.db.schema import TableSchema, write_manifest


def add_table(db: Database, table: TableSchema, rows: pa.Table, folder: Path) -> Database:
    """Write `db` and one more table to the empty `folder`.

    Args:
        table: what `rows` are; its foreign keys name tables of `db`.
        rows: in the order of their time, with their positions where `table` has a `row_col`.
    """
    (folder / "db").mkdir()
    for name in db.schema.tables:
        share(db.path(name), table_file(folder / "db", name))
    pq.write_table(rows, table_file(folder / "db", table.name))
    schema = dataclasses.replace(db.schema, tables={**db.schema.tables, table.name: table})
    schema = dataclasses.replace(schema, fingerprint=fingerprint(schema, folder / "db"))
    write_manifest(schema, folder)
    return Database(folder, schema, db.until)
