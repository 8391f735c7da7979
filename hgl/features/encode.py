"""A database's columns to compact arrays, streamed, cached by content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hgl.db.cache import digest, entry
from hgl.db.database import Database
from hgl.db.schema import TableSchema
from hgl.features.statistics import (
    YEAR,
    TableStatistics,
    age_sql,
    instant_sql,
    measure,
    number_sql,
    quoted,
)
from hgl.features.table import TableFeatures, TableWriter
from hgl.features.text import HashingEmbedder, TextEmbedder, embed_column
from hgl.typing import TableLayout

VERSION = 1
"""Raised when the encoding changes, so that old cache entries are not read."""
BATCH_ROWS = 65_536
_PERIODS = np.array([YEAR, YEAR / 12, 7 * 86400.0, 86400.0])


def encode(
    db: Database,
    *,
    stats_until: int,
    hidden: Collection[tuple[str, str]] = (),
    embedder: TextEmbedder | None = None,
) -> dict[str, TableFeatures]:
    """Encode every feature column of every table.

    Args:
        db: the database; its schema says each column's semantic type.
        stats_until: validation timestamp in seconds; statistics use rows no later than it.
        hidden: (table, column) pairs a task must not see.
        embedder: text to vectors; hashing by default.
    Returns: features per table, memory-mapped from the cache.
    """
    embedder = embedder or HashingEmbedder()
    key = digest(db.fingerprint, VERSION, stats_until, sorted(hidden), embedder.name)

    def build(folder: Path) -> None:
        for table in db.schema.tables.values():
            _encode_table(db, table, folder / _folder_name(db, table.name), stats_until, hidden, embedder)

    folder = entry("features", key, build)
    return {t: TableFeatures.load(folder / _folder_name(db, t)) for t in db.schema.tables}


def feature_columns(table: TableSchema, hidden: Collection[tuple[str, str]] = ()) -> dict[str, str]:
    """Semantic type of each column of `table` that carries content: no keys, nothing hidden."""
    return {
        c.name: c.stype
        for c in table.columns
        if c.stype not in (None, "ignored")
        and c.name not in table.key_columns
        and (table.name, c.name) not in set(hidden)
    }


def _folder_name(db: Database, table: str) -> str:
    # Table names may hold anything; positions in the sorted schema are safe file names.
    return f"table-{list(db.schema.tables).index(table)}"


def _encode_table(
    db: Database,
    table: TableSchema,
    folder: Path,
    until: int,
    hidden: Collection[tuple[str, str]],
    embedder: TextEmbedder,
) -> None:
    columns = feature_columns(table, hidden)
    with db.connect() as connection:
        statistics = measure(connection, table, columns, until)
        layout = _layout(columns, statistics, embedder)
        writer = TableWriter(folder, layout, table.num_rows)
        if columns:
            query = _select(table, layout, until)
            reader = connection.execute(query).to_arrow_reader(BATCH_ROWS)
            for batch in reader:
                writer.append(_blocks(batch, layout, statistics, embedder))
        writer.close()


def _layout(
    columns: dict[str, str], statistics: TableStatistics, embedder: TextEmbedder
) -> TableLayout:
    def named(*stypes: str) -> tuple[str, ...]:
        return tuple(sorted(c for c, s in columns.items() if s in stypes))

    categorical = named("categorical", "boolean")
    return TableLayout(
        numerical=named("numerical"),
        knots=tuple(statistics.scales[c].knots for c in named("numerical")),
        categorical=categorical,
        cardinalities=tuple(len(statistics.vocabularies[c]) + 2 for c in categorical),
        timestamp=named("timestamp"),
        text=named("text"),
        text_channels=embedder.channels if named("text") else 0,
    )


def _select(table: TableSchema, layout: TableLayout, until: int) -> str:
    terms = [number_sql(c) for c in layout.numerical]
    terms += [f"CAST({quoted(c)} AS VARCHAR)" for c in (*layout.categorical, *layout.text)]
    for column in layout.timestamp:
        age = age_sql(column, table, until) if column != table.time_col else "0.0"
        terms += [instant_sql(column), age]
    aliased = ", ".join(f"{sql} AS c{i}" for i, sql in enumerate(terms))
    return f"SELECT {aliased} FROM {quoted(table.name)}"


def _blocks(
    batch: pa.RecordBatch,
    layout: TableLayout,
    statistics: TableStatistics,
    embedder: TextEmbedder,
) -> dict[str, np.ndarray]:
    columns = iter(batch.columns)
    blocks = {
        "numerical": _stack(
            statistics.scales[c](_floats(next(columns))) for c in layout.numerical
        ),
        "categorical": _stack(
            _codes(next(columns), statistics.vocabularies[c]) for c in layout.categorical
        ),
        "text": _stack(embed_column(next(columns), embedder) for _ in layout.text),
        "timestamp": _stack(
            _instant_parts(_floats(next(columns)), _floats(next(columns)), statistics.ages.get(c))
            for c in layout.timestamp
        ),
    }
    return {name: block for name, block in blocks.items() if block is not None}


def _stack(columns: Iterable[np.ndarray]) -> np.ndarray | None:
    arrays = list(columns)
    return np.stack(arrays, axis=1) if arrays else None


def _floats(column: pa.Array) -> np.ndarray:
    return column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def _codes(column: pa.Array, vocabulary: pa.Array) -> np.ndarray:
    """Codes: 0 missing, 1 unknown, then the vocabulary in order."""
    known = pc.fill_null(pc.add(pc.index_in(column, value_set=vocabulary), 2), 1)
    return np.where(column.is_null().to_numpy(zero_copy_only=False), 0, known.to_numpy())


def _instant_parts(
    instants: np.ndarray, ages: np.ndarray, scale: Callable[[np.ndarray], np.ndarray] | None
) -> np.ndarray:
    phase = (instants[:, None] % _PERIODS) / _PERIODS * (2 * np.pi)
    age = scale(ages) if scale else np.where(np.isnan(instants), np.nan, 0.0)
    return np.concatenate([np.sin(phase), np.cos(phase), age[:, None]], axis=1, dtype=np.float32)
