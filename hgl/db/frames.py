"""A dict of DataFrames as a source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db.clock import free_name
from hgl.db.duck import parquet
from hgl.db.files import table_file
from hgl.db.raw import Raw
from hgl.db.schema import Schema, TableSchema
from hgl.db.source import Request, Source
from hgl.errors import SourceError


def frames_source(frames: Mapping[str, pd.DataFrame], request: Request) -> Source:
    """Return `frames` (by table name; the index is ignored) as a source.

    Raises: SchemaError: `include` or `exclude` names no frame.
    """
    chosen = request.chosen(list(frames), "the dict of frames")

    def read(folder: Path) -> Raw:
        files = {name: table_file(folder, name) for name in chosen}
        for name, file in files.items():
            _write(name, frames[name], file)
        tables = {name: TableSchema(name, ()) for name in chosen}
        return Raw(Schema("frames", tables), {n: parquet([f]) for n, f in files.items()})

    return Source("frames", None, "frames", read)


def _write(name: str, frame: pd.DataFrame, file: Path) -> None:
    """Write one frame; a column of mixed types becomes text, with nulls kept.

    Raises: SourceError: the table is not a DataFrame.
    """
    if not isinstance(frame, pd.DataFrame):
        raise SourceError(f"table {name!r} is a {type(frame).__name__}, expected a DataFrame")
    columns: dict[str, pa.Array] = {}
    for i, column in enumerate(frame.columns):
        columns[free_name(str(column) or "column", columns)] = _array(frame.iloc[:, i])
    pq.write_table(pa.table(columns), file)


def _array(series: pd.Series) -> pa.Array:
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return pa.array([None if _is_null(v) else _text(v) for v in series], pa.string())


def _is_null(value: object) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _text(value: object) -> str:
    """Return a cell as text, halves of characters as question marks."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text.encode(errors="replace").decode()
