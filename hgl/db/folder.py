"""A folder of Parquet or CSV files as a source: one table per file, or per subfolder of files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from hgl.db.cache import digest, digest_files
from hgl.db.duck import connect, literal, parquet
from hgl.db.files import table_file
from hgl.db.raw import Raw
from hgl.db.schema import Schema, TableSchema
from hgl.db.source import Request, Source
from hgl.db.unpacked import check_stream, check_unpacked
from hgl.errors import SourceError

_PARQUET = (".parquet", ".pq")
_TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst")


def folder_source(folder: Path, request: Request) -> Source:
    """Return the tables of `folder` as a source.

    Raises: SourceError: no table is there, or one table has files of both kinds.
        SchemaError: `include` or `exclude` names no table.
    """
    found = find_tables(folder)
    files = {name: found[name] for name in request.chosen(list(found), f"folder {str(folder)!r}")}

    def key() -> str:
        return digest(sorted(files), *(digest_files(f) for _, f in sorted(files.items())))

    def read(scratch: Path) -> Raw:
        tables = {name: TableSchema(name, ()) for name in files}
        scans = {name: parquet(_as_parquet(name, f, scratch)) for name, f in files.items()}
        return Raw(Schema(folder.resolve().name, tables), scans)

    return Source(folder.resolve().name, key, str(folder.resolve()), read)


def find_tables(folder: Path) -> Mapping[str, list[Path]]:
    """Return each table's files, in name order.

    Raises: SourceError: none are there, or a table has both Parquet and text files.
    """
    tables: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        inside = sorted(f for f in path.rglob("*") if _suffix(f)) if path.is_dir() else []
        if inside:
            tables[path.name] = inside
        elif path.is_file() and (suffix := _suffix(path)):
            tables.setdefault(path.name[: -len(suffix)], []).append(path)
    for name, files in tables.items():
        if len({_suffix(f) in _PARQUET for f in files}) > 1:
            raise SourceError(f"table {name!r} in {str(folder)!r} has both Parquet and text files")
    if not tables:
        expected = ", ".join([*_PARQUET, *_TEXT])
        raise SourceError(f"folder {str(folder)!r} holds no table; expected files in {expected}")
    return tables


def _suffix(path: Path) -> str:
    """Return the known ending of a table's file, or ''."""
    return next((s for s in (*_PARQUET, *_TEXT) if path.name.lower().endswith(s)), "")


def _as_parquet(name: str, files: list[Path], scratch: Path) -> list[Path]:
    """Return Parquet files of a table, converting text files by streaming.

    Raises: SourceError: a file cannot be read as a table, or unpacks to more than its size allows.
    """
    if _suffix(files[0]) in _PARQUET:
        for file in files:
            check_unpacked(name, file)
        return files
    for file in files:
        check_stream(f"table {name!r}: {file.name}", file)
    target = table_file(scratch, name)
    sources = ", ".join(literal(f) for f in files)
    try:
        with connect() as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv([{sources}], sample_size = -1)) "
                f"TO {literal(target)} (FORMAT parquet)"
            )
    except duckdb.Error as error:
        if "No space left" in str(error) or "File too large" in str(error):
            raise
        said = [line for line in str(error).splitlines() if line and not line.startswith("LINE")]
        reason = ", ".join(said[:3])
        raise SourceError(f"table {name!r}: {files[0].name} cannot be read: {reason}") from None
    return [target]
