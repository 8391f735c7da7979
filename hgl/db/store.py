"""Where arranged folders end up: in the folder the user names, or in the cache by content."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db.arrange import arrange
from hgl.db.cache import (
    cache_folder,
    code_version,
    digest,
    digest_files,
    disk_errors,
    entry,
    swept,
    unwritable,
)
from hgl.db.files import table_file
from hgl.db.lock import locked
from hgl.db.raw import Raw
from hgl.db.schema import Schema, read_manifest
from hgl.db.source import Request, Source
from hgl.db.split import with_timestamps
from hgl.db.unpacked import check_unpacked
from hgl.errors import CacheError, SourceError

log = logging.getLogger(__name__)


def is_arranged(folder: Path) -> bool:
    """Whether `folder` was written by `store`."""
    manifest = folder / "manifest.yaml"
    return manifest.is_file() and "hgl" in read_manifest(manifest)


def load(folder: Path) -> Schema:
    """Return the schema of an arranged folder.

    Raises: CacheError: its manifest is damaged, or a table's file is absent or not whole.
        SourceError: a file unpacks to more than its size allows.
    """
    schema = Schema.from_manifest(read_manifest(folder / "manifest.yaml"))
    for table in schema.tables.values():
        file = table_file(folder / "db", table.name)
        try:
            rows = pq.read_metadata(file).num_rows
        except (OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise CacheError(f"{file}: expected the table as it was ingested ({reason})") from None
        if rows != table.num_rows:
            raise CacheError(f"{file} holds {rows} rows; its manifest says {table.num_rows}")
        check_unpacked(table.name, file)
    return schema


def store(source: Source, request: Request, out: Path | None) -> Path:
    """Read and arrange `source`; return the finished folder.

    With `out` the work happens in `<out>.part`, which is renamed at the end; without, in the
    cache, where equal content is arranged once. What an interrupted read finished is kept.

    Raises: SourceError: `out` is taken by something else, or a disk is full.
    """
    with disk_errors(out or cache_folder()):
        if out is not None:
            return _store_at(source, request, out)
        if source.key is None:
            return _store_by_content(source, request)

        def build(aside: Path) -> None:
            with tempfile.TemporaryDirectory(dir=aside.parent) as scratch:
                _arrange(source.read(Path(scratch)), aside, request)

        return entry("database", _key(source, request, source.key()), build)


def _store_at(source: Source, request: Request, out: Path) -> Path:
    if out.exists() and not is_arranged(out) and (not out.is_dir() or any(out.iterdir())):
        raise SourceError(f"out {str(out)!r} exists and is not a database that hgl wrote")
    part = out.with_name(out.name + ".part")
    _claim(out, part)
    with _workplace(part) as mine:
        if not mine:
            raise SourceError(f"out {str(out)!r} is being written by another process")
        raw = source.read(part / "raw")
        shutil.rmtree(part / "arranged", ignore_errors=True)
        _arrange(raw, part / "arranged", request)
        if out.exists():
            shutil.rmtree(part / "replaced", ignore_errors=True)  # a killed ingest's
            out.rename(part / "replaced")
        (part / "arranged").rename(out)
    return out


def _claim(out: Path, part: Path) -> None:
    """Make `part`, the folder worked in. Raises: SourceError: it cannot be written."""
    try:
        part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"out {str(out)!r} cannot be written ({error.strerror})") from None


def _store_by_content(source: Source, request: Request) -> Path:
    """Read first, since only the content read tells which entry it is."""
    scratch = cache_folder() / "raw" / digest(source.place, request.content())
    with contextlib.ExitStack() as stack:
        try:
            mine = stack.enter_context(_workplace(scratch))
        except OSError as error:
            raise unwritable(error) from None
        if not mine:
            aside = tempfile.TemporaryDirectory(dir=swept(scratch.parent / ".aside"))
            scratch = Path(stack.enter_context(aside))
        raw = source.read(scratch / "raw")
        files = sorted((scratch / "raw").rglob("*.parquet"))
        content = digest(digest_files(files), repr(raw.schema), sorted(raw.defects.items()))
        key = _key(source, request, content)
        return entry("database", key, lambda aside: _arrange(raw, aside, request))


@contextlib.contextmanager
def _workplace(folder: Path) -> Iterator[bool]:
    """Hold `folder` while it is worked in; yields False when another process holds it.

    Afterwards it is removed, unless the work failed with a finished table to go on from.
    """
    with locked(folder) as mine:
        (folder / "raw").mkdir(exist_ok=True)
        try:
            yield mine
        except BaseException:
            if mine and not any((folder / "raw").glob("*.json")):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        if mine:
            shutil.rmtree(folder, ignore_errors=True)


def _arrange(raw: Raw, folder: Path, request: Request) -> None:
    """Arrange `raw` with what the request states beside the tables."""
    schema = raw.schema if request.name is None else replace(raw.schema, name=request.name)
    schema = with_timestamps(schema, request.val_timestamp, request.test_timestamp)
    arrange(replace(raw, schema=schema), folder, request.overrides)


def _key(source: Source, request: Request, content: str) -> str:
    return digest(code_version(), source.name, content, request.content())
