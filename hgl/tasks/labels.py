"""The label table of a split: made by SQL and cached by content, or read from a RelBench folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db import cache, times
from hgl.errors import ConfigError, TaskError
from hgl.tasks import autocomplete, links, query, splits
from hgl.tasks.splits import Bounds
from hgl.typing import UNKNOWN_TIME, Split

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.tasks.task import Task

VERSION = 1
"""Part of the cache key: raise it when the same SQL would give other labels."""


def label_table(task: Task, db: Database, split: str) -> pd.DataFrame:
    """Return columns `time_col`, `entity_col...`, `target_cols...`, one row per label.

    A recommendation task has one row per pair, whether its labels come so or as lists.

    Labels of train and validation see the rows up to the test timestamp, those of test see all.
    A file in the task's folder comes first, as in RelBench; otherwise `sql` runs, once per content,
    or the column that the task completes is read.

    Raises: TaskError: no rows, missing columns, null targets, two labels for one entity and time.
    """
    where = f"{task}, {split} labels"
    stored = task.folder / f"{split}.parquet" if task.folder else None
    if stored is not None and stored.exists():
        frame = pd.read_parquet(stored)
    elif task.autocomplete:
        frame = autocomplete.cells(task, db, split)
    elif task.sql:
        frame = _from_sql(task, db, split)
    else:
        raise TaskError(f"{where}: {stored} not found, and the task has no sql")
    _check_columns(task, list(frame), where)
    frame = frame[_columns(task)]
    if task.destination is not None:
        frame = links.pairs(task, frame, where).drop_duplicates(ignore_index=True)
    _check_rows(task, frame, where)
    return frame


def known_labels(task: Task, db: Database) -> pd.DataFrame:
    """Return every label that can be known from the database, in the columns of `label_table`.

    Where the labels are made by SQL, that is one per eligible entity and horizon, from the first
    training seed time to the end of the data; where they come in files, those of all splits.

    Raises: TaskError: see `label_table`.
    """
    stored = [task.folder / f"{s}.parquet" for s in get_args(Split)] if task.folder else []
    found = [file.stem for file in stored if file.exists()]
    if names := get_args(Split) if task.autocomplete else found:
        return pd.concat([label_table(task, db, name) for name in names], ignore_index=True)
    bounds = _bounds(task, db)
    first = _seed_times(task, "train", bounds)[0]
    seeds = np.arange(first, bounds.last - task.timedelta + 1, task.timedelta, dtype=np.int64)
    return _run_sql(task, db, seeds, upto=None)


def _from_sql(task: Task, db: Database, split: str) -> pd.DataFrame:
    bounds = _bounds(task, db)
    seeds = _seed_times(task, split, bounds)
    return _run_sql(task, db, seeds, upto=None if split == "test" else bounds.test)


def _seed_times(task: Task, split: str, bounds: Bounds) -> np.ndarray:
    try:
        return splits.seed_times(
            split,
            bounds,
            timedelta=task.timedelta,
            num_eval_timestamps=task.num_eval_timestamps,
            num_train_timestamps=task.num_train_timestamps,
        )
    except TaskError as error:
        raise TaskError(f"{task}: {error}") from None


def _run_sql(task: Task, db: Database, seeds: np.ndarray, upto: int | None) -> pd.DataFrame:
    """Labels at `seeds` (seconds) from rows no later than `upto`, cached by content."""
    grid = seeds.astype("<i8").tobytes()
    key = cache.digest(
        VERSION, db.fingerprint, task.sql, _columns(task), task.timedelta, upto, grid
    )

    def build(folder: Path) -> None:
        assert task.sql is not None
        rows = query.run(
            db, task.sql, seeds, timedelta=task.timedelta, upto=upto, where=f"{task}, sql"
        )
        pq.write_table(_on_grid(task, rows, seeds), folder / "labels.parquet")

    return pd.read_parquet(cache.entry("labels", key, build) / "labels.parquet")


def _bounds(task: Task, db: Database) -> Bounds:
    val, test = splits.timestamps(task, db)
    spans = _spans(db)
    if not spans:
        raise TaskError(f"{task}: no table of database {db.schema.name!r} has a time")
    first, last = min(first for first, _ in spans), max(last for _, last in spans)
    before = max((last for _, last in _spans(db.upto(test))), default=first)
    return Bounds(first, last, before, val, test)


def _spans(db: Database) -> list[tuple[int, int]]:
    """First and last time of each table that has any."""
    return [span for name in db.schema.tables if (span := db.span(name))]


def _on_grid(task: Task, rows: pa.Table, seeds: np.ndarray) -> pa.Table:
    """Keep the columns asked for, in a stable order of rows that stand at the seed times."""
    where = f"{task}, sql"
    _check_columns(task, rows.column_names, where)
    rows = rows.select(_columns(task))
    for name in (task.time_col, *task.entity_col):
        if pa.types.is_nested(rows.schema.field(name).type):
            kind = rows.schema.field(name).type
            raise TaskError(f"{where}: column {name!r} is {kind}; expected one value per row")
    try:
        found = times.seconds(rows.column(task.time_col), rounding="down")
    except ConfigError as error:
        raise TaskError(f"{where}: column {task.time_col!r}: {error}") from None
    strange = found[~np.isin(found, seeds)]
    if len(strange):
        raise TaskError(
            f"{where}: column {task.time_col!r} holds {_when(strange[0])}, which is not one "
            "of the seed times; select the timestamp of `timestamps` unchanged"
        )
    return rows.sort_by([(name, "ascending") for name in (task.time_col, *task.entity_col)])


def _columns(task: Task) -> list[str]:
    return [task.time_col, *task.entity_col, *task.target_cols]


def _check_columns(task: Task, names: list[str], where: str) -> None:
    got = ", ".join(map(repr, names))
    for name in _columns(task):
        if name not in names:
            raise TaskError(f"{where}: column {name!r} missing; got {got}")
        if names.count(name) > 1:
            raise TaskError(f"{where}: column {name!r} comes more than once; got {got}")


def _check_rows(task: Task, frame: pd.DataFrame, where: str) -> None:
    if frame.empty:
        raise TaskError(f"{where}: no rows")
    nulls = int(frame[list(task.target_cols)].isna().any(axis=1).sum())
    if nulls:
        raise TaskError(
            f"{where}: {nulls} of {len(frame)} targets are null; leave such rows out "
            f"(WHERE {task.target_cols[0]} IS NOT NULL) or give them a value (COALESCE)"
        )
    keys = [task.time_col, *task.entity_col]
    if task.destination is not None:
        keys += task.destination.dst_entity_col
    twice = frame.duplicated(keys)
    if twice.any():
        examples = frame.loc[twice, keys].head(5).to_numpy()
        raise TaskError(
            f"{where}: {int(twice.sum())} row(s) repeat a ({', '.join(keys)}) pair; GROUP BY it. "
            f"For example: {'; '.join(', '.join(map(str, row)) for row in examples)}"
        )


def _when(seconds: int) -> str:
    return "null" if seconds == UNKNOWN_TIME else times.text(int(seconds))
