"""A snapshot of an arranged database: an SQLite file with what a plan needs, indexed for it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import duckdb

from hgl.aggregates.cells import ALWAYS, number_cell, positioned, text_cell, time_cell
from hgl.aggregates.live.needs import TableNeeds, needs
from hgl.aggregates.live.place import (
    KeyColumn,
    KeyKind,
    Link,
    Moment,
    Order,
    Place,
    Reading,
    TablePlace,
)
from hgl.aggregates.live.readings import Family, family
from hgl.aggregates.paths import foreign_key
from hgl.aggregates.plan import FeaturePlan
from hgl.db.cache import digest, entry
from hgl.db.database import Database
from hgl.db.duck import identifier
from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.features.statistics import instant_sql

_VERSION = 1
_FILE = "snapshot.sqlite"
_ROWS = 50_000
_ROW, _TIME = '"row"', '"time"'
_KEY_KINDS: Mapping[Family, KeyKind] = {
    "integer": "integer",
    "float": "number",
    "boolean": "boolean",
    "text": "text",
    "instant": "ticks",
}
_TYPES: Mapping[KeyKind, str] = {
    "integer": "INTEGER",
    "number": "REAL",
    "boolean": "INTEGER",
    "text": "TEXT",
    "ticks": "INTEGER",
}


def snapshot(db: Database, plan: FeaturePlan) -> tuple[Path, Place]:
    """Return the file of a snapshot, written where it is absent, and how it is read.

    Rows have their positions for keys and whole seconds, rounded up, for times.
    Raises: CacheError, SourceError: the cache cannot be written.
    """
    needed = needs(db.schema, plan)
    key = _key_columns(db.schema.table(plan.entity_table))
    tables = {
        name: _Table(db.schema, name, wanted, key if name == plan.entity_table else ())
        for name, wanted in needed.items()
    }
    asked = {name: table.columns for name, table in tables.items()}

    def build(folder: Path) -> None:
        with contextlib.closing(sqlite3.connect(folder / _FILE)) as file, db.connect() as source:
            file.execute("PRAGMA synchronous = OFF")
            for table in tables.values():
                table.write(source, file)
            file.execute("ANALYZE")
            file.commit()

    kept = digest(db.fingerprint, db.until, _VERSION, asked)
    folder = entry("snapshot", kept, build)
    place = Place("sqlite", key, {name: table.place for name, table in tables.items()})
    return folder / _FILE, place


def _key_columns(entity: TableSchema) -> tuple[KeyColumn, ...]:
    """The user's key, or the row position where there is none."""
    names = entity.pkey or (str(entity.row_col),)
    return tuple(
        KeyColumn(name, f'"key {i}"', _KEY_KINDS[family(entity.column(name).type)])
        for i, name in enumerate(names)
    )


class _Table:
    """One table of the snapshot.

    Args:
        key: columns that name a row, for the entity's table.
    """

    def __init__(
        self, schema: Schema, name: str, wanted: TableNeeds, key: Sequence[KeyColumn]
    ) -> None:
        self.table, self._key = schema.table(name), key
        self._fkeys = [foreign_key(schema, name, f) for f in sorted(wanted.fkeys)]
        self._quoted = identifier(f"table {name}")
        self._timed = wanted.timed and self.table.time_col is not None
        self._numbers = _readings("number", wanted.numbers)
        self._texts = _readings("text", wanted.texts)
        self._instants = _readings("instant", wanted.instants)

    @property
    def columns(self) -> dict[str, str]:
        """Quoted names and types, to SQL over the arranged table."""
        found = {f"{_ROW} INTEGER PRIMARY KEY": positioned(self.table)[1]}
        if self._timed:
            found[f"{_TIME} INTEGER"] = f"nullif({time_cell(self.table)}, {ALWAYS})"
        for name, reading in self._numbers.items():
            found[f"{reading.column} REAL"] = number_cell(self.table, name)
        for name, reading in self._texts.items():
            found[f"{reading.column} TEXT"] = text_cell(self.table, name)
        for name, reading in self._instants.items():
            found[f"{reading.column} REAL"] = instant_sql(name)
        for fkey in self._fkeys:
            found[f"{_position(fkey)} INTEGER"] = identifier(fkey.row_col)
        for column in self._key:
            name = identifier(column.name)
            value = f"epoch_us({name}::TIMESTAMP)" if column.kind == "ticks" else name
            found[f"{column.quoted} {_TYPES[column.kind]}"] = value
        return found

    @property
    def place(self) -> TablePlace:
        """How the table is read."""
        visible = self.table.null_times == "visible"
        return TablePlace(
            self._quoted,
            self._numbers,
            self._texts,
            self._instants,
            links={f.name: Link((_position(f),), f.parent, (_ROW,)) for f in self._fkeys},
            time=Moment(_TIME, null_visible=visible) if self._timed else None,
            order=(Order(_ROW),),
        )

    def write(self, source: duckdb.DuckDBPyConnection, file: sqlite3.Connection) -> None:
        """Write and index the table."""
        columns = self.columns
        file.execute(f"CREATE TABLE {self._quoted} ({', '.join(columns)})")
        found = source.execute(
            f"SELECT {', '.join(columns.values())} FROM {positioned(self.table)[0]}"
        )
        insert = f"INSERT INTO {self._quoted} VALUES ({', '.join('?' * len(columns))})"
        while rows := found.fetchmany(_ROWS):
            file.executemany(insert, rows)
        for i, indexed in enumerate(self._indexed()):
            name = identifier(f"index {i} of {self.table.name}")
            file.execute(f"CREATE INDEX {name} ON {self._quoted} ({', '.join(indexed)})")

    def _indexed(self) -> Iterator[Sequence[str]]:
        for fkey in self._fkeys:
            yield (_position(fkey), _TIME) if self._timed else (_position(fkey),)
        if self._key:
            yield [column.quoted for column in self._key]


def _readings(
    kind: Literal["number", "text", "instant"], names: Iterable[str]
) -> dict[str, Reading]:
    held: Literal["number", "text"] = "text" if kind == "text" else "number"
    return {c: Reading(identifier(f"{kind} {c}"), kind=held) for c in sorted(names)}


def _position(fkey: ForeignKey) -> str:
    return identifier(f"row {fkey.name}")
