"""Tasks that complete a column: the target is the entity table's own, and each row is a seed.

A row is asked about at its own time. Train has the rows up to the validation timestamp, val those
after it up to the test timestamp, test the rest; empty cells are no seeds. The target is hidden in
every row, not only in the seed's, and so are its twins (`hgl.tasks.twins`), found on training rows,
but for those that `keep_columns` names.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hgl.db import cache, times
from hgl.db.schema import TableSchema
from hgl.errors import SchemaError, TaskError
from hgl.tasks import splits
from hgl.tasks.twins import THRESHOLD, find_twins
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.tasks.task import Task

VERSION = 1
"""Part of the cache key: raise it when the same rows would have other twins."""
NO_KEY = "primary_key"
"""RelBench's name for the row position where the table has no key."""
_ORDERED = ("numerical", "timestamp")
_COMPARED = (*_ORDERED, "categorical", "boolean", "text")


def settled(task: Task, db: Database) -> Task:
    """Return `task` with what its table says: key, time, and the columns that features lack.

    A task that completes no column is returned as it is; settling twice is settling once.

    Raises: TaskError: the column cannot be completed, or the row's own time tells it.
    """
    if not task.autocomplete:
        return task
    table = _checked_table(task, db)
    columns, parents = _twins(task, db, table)
    kept = set(task.keep_columns)
    if parents and (table.name, table.time_col) not in kept:
        _refuse_time(task, table, parents)
    twins = [pair for name in columns if (pair := (table.name, name)) not in kept]
    hidden = [*task.remove_columns, (table.name, task.target_col), *twins]
    return dataclasses.replace(
        task,
        entity_col=table.pkey or (table.row_col or NO_KEY,),
        time_col=str(table.time_col),
        remove_columns=tuple(dict.fromkeys(hidden)),
    )


def notes(task: Task, db: Database) -> list[str]:
    """Return a line on each twin: what share it tells, and what becomes of it."""
    if not task.autocomplete:
        return []
    table = _checked_table(task, db)
    lines = []
    for name, share in _twins(task, db, table)[0].items():
        column = (table.name, name)
        done = "kept, as keep_columns says" if column in task.keep_columns else "left out"
        lines.append(f"{'.'.join(column)} {done}: it is {100 * share:.1f} % one with the target")
    return lines


def cells(task: Task, db: Database, split: str) -> pd.DataFrame:
    """Return key, time and target of the split's rows, for a settled task.

    Raises: TaskError: there is no such row.
    """
    val, test = splits.timestamps(task, db)
    known = _known(task, db)
    low, high = {
        "train": (STATIC_TIME, val),
        "val": (val, test),
        "test": (test, UNKNOWN_TIME - 1),
    }[split]
    frame = _rows(task, db)
    frame = frame[(known > low) & (known <= high) & frame[task.target_col].notna().to_numpy()]
    if frame.empty:
        raise TaskError(
            f"{task}: no row of {task.entity_table!r} with a {task.target_col} is in the {split} "
            f"split (val_timestamp={times.text(val)}, test_timestamp={times.text(test)})"
        )
    return frame.reset_index(drop=True)


def at_own_time(task: Task, db: Database, entity: np.ndarray) -> np.ndarray:
    """Return when each row of the entity table became known, [n] int64 seconds.

    Args:
        entity: [n] row positions; what is returned for a negative one means nothing.
    """
    return _known(task, db)[np.maximum(entity, 0)]


def empty_cells(task: Task, db: Database, at: int) -> np.ndarray:
    """Return the rows known by `at` (seconds) that lack the target, ascending int64.

    Raises: TaskError: there is none.
    """
    known = _known(task, db)
    missing = _rows(task, db)[task.target_col].isna().to_numpy()
    rows = np.flatnonzero(missing & (known <= at) & (known > STATIC_TIME))
    if not len(rows):
        raise TaskError(
            f"{task}: no row of {task.entity_table!r} known by {times.text(at)} lacks its "
            f"{task.target_col}; name the rows instead (table=…)"
        )
    return rows


def _checked_table(task: Task, db: Database) -> TableSchema:
    """Return the entity table. Raises: TaskError: it lacks a column, its time, or what to tell."""
    try:
        table = db.schema.table(task.entity_table)
        for name, column in ((table.name, task.target_col), *task.keep_columns):
            db.schema.table(name).column(column)
    except SchemaError as error:
        raise TaskError(f"{task}: {error}") from None
    target = (table.name, task.target_col)
    if table.time_col is None:
        raise TaskError(f"{task}: table {table.name!r} has no time column, so no row has a time")
    if task.target_col in {table.time_col, *table.key_columns}:
        raise TaskError(f"{task}: {'.'.join(target)} is a key or the time; expected another column")
    if target in task.keep_columns:
        raise TaskError(f"{task}: keep_columns names the target {'.'.join(target)}")
    return table


def _twins(
    task: Task, db: Database, table: TableSchema
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Twins among the row's columns, and parents such that the time since then is one."""
    until = splits.timestamps(task, db)[0]
    kind, told = task.kind, task.target_col
    key = cache.digest(VERSION, cache.code_version(), db.fingerprint, table.name, told, kind, until)

    def build(folder: Path) -> None:
        frame = db.frame(table.name)
        known = db.times(table.name)
        assert known is not None
        taught = (known <= until) & frame[told].notna().to_numpy()
        frame, known = frame[taught], known[taught]
        target = _as_kind(frame[told], kind)
        columns = {
            c.name: frame[c.name] if c.stype in _ORDERED else frame[c.name].astype(object)
            for c in table.columns
            if c.stype in _COMPARED and c.name not in {told, table.time_col, *table.key_columns}
        }
        found = {
            "columns": find_twins(columns, target),
            "parents": find_twins(_since_parents(db, table, frame, known), target),
        }
        (folder / "twins.json").write_text(json.dumps(found))

    found = json.loads((cache.entry("twins", key, build) / "twins.json").read_text())
    return found["columns"], found["parents"]


def _since_parents(
    db: Database, table: TableSchema, frame: pd.DataFrame, known: np.ndarray
) -> dict[str, pd.Series]:
    """Seconds from the row each foreign key names to the row itself, by the key's name."""
    found = {}
    for fkey in table.fkeys:
        parent = db.times(fkey.parent)
        if parent is not None and len(parent):
            position = frame[fkey.row_col].fillna(-1).to_numpy(dtype=np.int64)
            since = pd.Series((known - parent[position]).astype(np.float64), index=frame.index)
            timed = (position >= 0) & (parent[position] != STATIC_TIME)
            found[fkey.name] = since.where(timed & (parent[position] != UNKNOWN_TIME))
    return found


def _refuse_time(task: Task, table: TableSchema, parents: Mapping[str, float]) -> None:
    fkey, share = max(parents.items(), key=lambda found: found[1])
    raise TaskError(
        f"{task}: the time from the row that {table.name}.{fkey} names to {table.name}."
        f"{table.time_col} is {100 * share:.1f} % one with {task.target_col} (at most "
        f"{100 * THRESHOLD:.0f} % pass): the row's time tells the answer. Expected another target, "
        f"or keep_columns: [[{table.name}, {table.time_col}]]"
    )


def _as_kind(target: pd.Series, kind: str) -> pd.Series:
    """Numbers for regression, whatever they are stored as; else classes."""
    return target.astype(np.float64) if kind == "regression" else target.astype(object)


def _rows(task: Task, db: Database) -> pd.DataFrame:
    """Key, time and target of every row, in row order."""
    keyed = task.entity_col != (NO_KEY,)
    keys = task.entity_col if keyed else ()
    frame = db.frame(task.entity_table, [*keys, task.time_col, task.target_col])
    if not keyed:
        frame.insert(0, NO_KEY, np.arange(len(frame)))
    return frame


def _known(task: Task, db: Database) -> np.ndarray:
    known = db.times(task.entity_table)
    assert known is not None
    return known
