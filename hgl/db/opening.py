"""Which reader opens which source."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hgl.db.folder import folder_source
from hgl.db.frames import frames_source
from hgl.db.overrides import apply_stypes, read_overrides
from hgl.db.relbench import download, is_relbench, open_relbench, relbench_manifest
from hgl.db.schema import Schema
from hgl.db.source import Request, Source
from hgl.db.split import with_timestamps
from hgl.db.store import is_arranged, load, store
from hgl.errors import SchemaError, SourceError

_URL = re.compile(r"[a-zA-Z][\w+.-]*://")
_HOSTED = "relbench:"
_LATE = {"columns"}
"""What an override may still change in a folder that is arranged already."""


def open_source(
    source: str | Path | Mapping[str, pd.DataFrame], request: Request, out: Path | None
) -> tuple[Path, Schema]:
    """Return the arranged folder of `source` and its schema; see `Database.open`.

    Raises: SchemaError: `views` or `sql_schema` is asked of a source that is not SQL.
    """
    is_sql = isinstance(source, str) and _URL.match(source)
    if not is_sql and (request.views or request.sql_schema is not None):
        raise SchemaError("views and sql_schema: expected a source that is an SQL database")
    if isinstance(source, Mapping):
        return _stored(frames_source(source, request), request, out)
    if is_sql:
        from hgl.db.sql import sql_source

        return _stored(sql_source(str(source), request), request, out)
    if isinstance(source, str) and source.startswith(_HOSTED):
        return _open_folder(download(source.removeprefix(_HOSTED)), request, out)
    return _open_folder(Path(source).expanduser(), request, out)


def _stored(source: Source, request: Request, out: Path | None) -> tuple[Path, Schema]:
    folder = store(source, request, out)
    return folder, load(folder)


def _open_folder(folder: Path, request: Request, out: Path | None) -> tuple[Path, Schema]:
    """Open a folder in place where it is arranged or keeps RelBench's contract, else arrange it.

    Raises: SourceError: it is not a folder, or holds no table.
    """
    if not folder.is_dir():
        raise SourceError(
            f"source {str(folder)!r} is neither a folder nor a URL such as sqlite:///x.db"
        )
    if is_arranged(folder):
        if out is not None:
            raise SourceError(
                f"out {str(out)!r}: {str(folder)!r} is arranged already; copy or move the folder"
            )
        return folder, _adjusted(load(folder), request)
    if not is_relbench(folder):
        own = folder / "manifest.yaml"
        stated = read_overrides(own) if own.is_file() else {}
        request = dataclasses.replace(request, overrides={**stated, **request.overrides})
        return _stored(folder_source(folder, request), request, out)
    if out is None and (schema := open_relbench(folder)):
        return folder, _adjusted(schema, request)
    manifest = relbench_manifest(folder)
    request = dataclasses.replace(
        request,
        name=request.name or str(manifest["name"]),
        overrides={**read_overrides(manifest), **request.overrides},
        val_timestamp=_first(request.val_timestamp, manifest.get("val_timestamp")),
        test_timestamp=_first(request.test_timestamp, manifest.get("test_timestamp")),
    )
    return _stored(folder_source(folder / "db", request), request, out)


def _first(stated: str | int | None, other: Any) -> str | int | None:
    """Return the timestamp stated, else the other one; YAML reads unquoted ones as dates."""
    return stated if stated is not None or other is None else str(other)


def _adjusted(schema: Schema, request: Request) -> Schema:
    """Return an arranged schema with the timestamps, name and column types requested.

    Raises: SchemaError: the request would need the data arranged anew.
    """
    for table, block in request.overrides.items():
        if late := sorted(block.keys() - _LATE):
            raise SchemaError(
                f"manifest: {table}.{late[0]} cannot change in an arranged folder; ingest it again"
            )
    if request.include is not None or request.exclude:
        raise SchemaError("include and exclude apply while ingesting, not to an arranged folder")
    tables = {n: apply_stypes(t, request.overrides) for n, t in schema.tables.items()}
    named = dataclasses.replace(schema, name=request.name or schema.name, tables=tables)
    return with_timestamps(named, request.val_timestamp, request.test_timestamp)
