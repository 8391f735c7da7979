"""A database's columns to compact arrays, streamed, cached by content."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hgl.db.cache import digest, entry
from hgl.db.database import Database
from hgl.db.schema import TableSchema
from hgl.features.periods import recurring
from hgl.features.statistics import (
    TableStatistics,
    age_sql,
    instant_sql,
    measure,
    number_sql,
    quoted,
)
from hgl.features.table import TableFeatures, TableWriter
from hgl.features.text import HashingEmbedder, TextEmbedder, embed_column

VERSION = 3
"""Raised when the encoding changes, so that old cache entries are not read."""
BATCH_ROWS = 65_536


def measure_tables(
    db: Database, *, stats_until: int, hidden: Collection[tuple[str, str]] = ()
) -> dict[str, TableStatistics]:
    """Collect the statistics of every table's feature columns.

    Args:
        db: the database; its schema says each column's semantic type.
        stats_until: validation timestamp in seconds; statistics use rows no later than it.
        hidden: (table, column) pairs a task must not see.
    """
    with db.connect() as connection:
        return {
            table.name: measure(connection, table, feature_columns(table, hidden), stats_until)
            for table in db.schema.tables.values()
        }


def encode(
    db: Database,
    statistics: Mapping[str, TableStatistics],
    *,
    embedder: TextEmbedder | None = None,
) -> dict[str, TableFeatures]:
    """Encode every row of every table.

    Args:
        db: the database, which may hold later rows than the one `statistics` came from.
        statistics: of every table, from `measure_tables`.
        embedder: text to vectors; hashing by default.
    Returns: features per table, memory-mapped from the cache.
    Raises: SchemaError: a column with statistics is not in the database.
    """
    embedder = embedder or HashingEmbedder()
    for name, known in statistics.items():
        for column in known.columns:
            db.schema.table(name).column(column)
    kept = json.dumps({t: dataclasses.asdict(s) for t, s in statistics.items()}, sort_keys=True)
    # Table names may hold anything; positions in the sorted schema are safe file names.
    homes = {name: f"table-{i}" for i, name in enumerate(statistics)}

    def build(folder: Path) -> None:
        for name, known in statistics.items():
            _encode_table(db, name, known, folder / homes[name], embedder)

    folder = entry("features", digest(db.fingerprint, VERSION, embedder.name, kept), build)
    return {name: TableFeatures.load(folder / home) for name, home in homes.items()}


def feature_columns(table: TableSchema, hidden: Collection[tuple[str, str]] = ()) -> dict[str, str]:
    """Semantic type of each column of `table` that carries content: no keys, nothing hidden."""
    return {
        c.name: c.stype
        for c in table.columns
        if c.stype is not None
        and c.stype != "ignored"
        and c.name not in table.key_columns
        and (table.name, c.name) not in hidden
    }


def _encode_table(
    db: Database, name: str, statistics: TableStatistics, folder: Path, embedder: TextEmbedder
) -> None:
    table, layout = db.schema.table(name), statistics.layout(embedder.channels)
    recurs = [recurring(statistics.spans[c]).tolist() for c in layout.timestamp]
    writer = TableWriter(folder, layout, table.num_rows, recurs)
    if statistics.columns:
        with db.connect() as connection:
            rows = connection.sql(_select(table, statistics))
            for batch in rows.to_arrow_reader(BATCH_ROWS):
                writer.append(_blocks(batch, statistics, embedder))
    writer.close()


def _select(table: TableSchema, statistics: TableStatistics) -> str:
    terms = [number_sql(c) for c in statistics.named("numerical")]
    terms += [
        f"CAST({quoted(c)} AS VARCHAR)"
        for c in (*statistics.named("categorical", "boolean"), *statistics.named("text"))
    ]
    instants = statistics.named("timestamp")
    terms += [instant_sql(column) for column in instants]
    terms += [age_sql(column, table, statistics.until) for column in instants]
    aliased = ", ".join(f"{sql} AS c{i}" for i, sql in enumerate(terms))
    return f"SELECT {aliased} FROM {quoted(table.name)}"


def _blocks(
    batch: pa.RecordBatch, statistics: TableStatistics, embedder: TextEmbedder
) -> dict[str, np.ndarray]:
    columns = iter(batch.columns)
    blocks = {
        "numerical": _stack(
            statistics.scales[c](_floats(next(columns))) for c in statistics.named("numerical")
        ),
        "categorical": _stack(
            _codes(next(columns), statistics.vocabularies[c])
            for c in statistics.named("categorical", "boolean")
        ),
        "text": _stack(embed_column(next(columns), embedder) for _ in statistics.named("text")),
        "seconds": _stack(_floats(next(columns)) for _ in statistics.named("timestamp")),
        "age": _stack(
            statistics.ages[c](_floats(next(columns))) for c in statistics.named("timestamp")
        ),
    }
    return {name: block for name, block in blocks.items() if block is not None}


def _stack(columns: Iterable[np.ndarray]) -> np.ndarray | None:
    arrays = list(columns)
    return np.stack(arrays, axis=1) if arrays else None


def _floats(column: pa.Array) -> np.ndarray:
    return column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def _codes(column: pa.Array, vocabulary: list[str]) -> np.ndarray:
    """Codes: 0 missing, 1 unknown, then the vocabulary in order."""
    known = pc.fill_null(
        pc.add(pc.index_in(column, value_set=pa.array(vocabulary, pa.string())), 2), 1
    )
    return np.where(column.is_null().to_numpy(zero_copy_only=False), 0, known.to_numpy())
