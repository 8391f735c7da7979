"""What a report says of a database: its tables, how they refer to each other, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hgl.db import times
from hgl.db.database import Database
from hgl.db.duck import identifier
from hgl.db.schema import Schema, read_manifest
from hgl.db.yaml_file import read_yaml
from hgl.errors import CacheError, HglError
from hgl.results.record import Record

_KNOWN = 1
"""Newest version of a manifest that is understood."""


@dataclass(frozen=True)
class Tables:
    """A database.

    Attributes:
        schema: tables and keys.
        spans: timed table to its first and last instant, in seconds.
    """

    schema: Schema
    spans: Mapping[str, tuple[int, int]]


def read_tables(records: Sequence[Record]) -> Tables:
    """Return the database of records, from the first run that still knows where it lies.

    Raises: CacheError: no run does, it has changed since, or it is newer than what we know.
    """
    why = "no run says where it lies"
    for record in records:
        try:
            return _read(_place(record), record.data)
        except CacheError as error:
            why = str(error)
    raise CacheError(why)


def _place(record: Record) -> Path:
    if record.folder is None:
        raise CacheError("no run says where it lies")
    try:
        notes = read_yaml(record.folder / "run.yaml")
        folder = Path(notes["database"]["folder"])
    except (OSError, ValueError, LookupError, TypeError):
        raise CacheError("no run says where it lies") from None
    if not folder.is_dir():
        raise CacheError("its data is gone")
    return folder


def _read(folder: Path, fingerprint: str) -> Tables:
    try:
        manifest = read_manifest(folder / "manifest.yaml")
        block = manifest.get("hgl") or {}
        newest = max(manifest.get("manifest_version", _KNOWN), block.get("version", _KNOWN))
    except (HglError, TypeError, AttributeError):
        raise CacheError("its manifest cannot be read") from None
    if newest > _KNOWN:
        raise CacheError(f"its manifest is of version {newest}, newer than this hgl knows")
    try:
        database = Database.open(folder)
        if fingerprint and database.fingerprint != fingerprint:
            raise CacheError(f"its data is {database.fingerprint} now, and was {fingerprint}")
        return Tables(database.schema, _spans(database))
    except (HglError, OSError, duckdb.Error) as error:
        raise CacheError(str(error).splitlines()[0]) from None


def _spans(database: Database) -> dict[str, tuple[int, int]]:
    found = {}
    with database.connect() as connection:
        for table in database.schema.tables.values():
            if table.time_col is None:
                continue
            time = identifier(table.time_col)
            asked = f"SELECT MIN({time}) AS low, MAX({time}) AS high FROM {identifier(table.name)}"
            row = connection.execute(asked).df().iloc[0]
            if row.notna().all():
                low, high = times.seconds([row["low"], row["high"]], rounding="up")
                found[table.name] = (int(low), int(high))
    return found
