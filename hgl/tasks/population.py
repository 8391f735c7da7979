"""Who may be asked about: label rows to rows of the entity table, and which of them must go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hgl.db import times
from hgl.errors import HglError, TaskError
from hgl.tasks import query
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.db.schema import TableSchema
    from hgl.tasks.task import Task


def check_schema(task: Task, db: Database) -> None:
    """Raise TaskError where the task names a table, key or column that the database lacks."""
    _check_key(task, db, "entity")
    if task.destination is not None:
        _check_key(task.of_destinations(), db, "dst_entity")


def _check_key(task: Task, db: Database, which: str) -> None:
    try:
        table = db.schema.table(task.entity_table)
        for other, column in task.remove_columns:
            db.schema.table(other).column(column)
    except HglError as error:
        raise TaskError(f"{task}: {error}") from None
    if is_positional(task, table):
        return
    if not table.pkey:
        raise TaskError(
            f"{task}: {which} table {table.name!r} has no primary key; declare one in the database "
            "or under tables: in the manifest"
        )
    if len(table.pkey) != len(task.entity_col):
        raise TaskError(
            f"{task}: {which}_col is {list(task.entity_col)}, but the primary key of "
            f"{table.name!r} is {list(table.pkey)}"
        )


def is_positional(task: Task, table: TableSchema) -> bool:
    """Whether `entity_col` holds row positions and no key of the user's."""
    keyless = not table.pkey and table.row_col is None
    return task.entity_col == (table.row_col,) or (task.autocomplete and keyless)


def check_entity_sql(task: Task, db: Database) -> None:
    """Raise TaskError where `entity_sql` could not be used for prediction later."""
    if task.entity_sql:
        where = f"{task}, entity_sql"
        found = query.columns(db, task.entity_sql, timedelta=task.timedelta, where=where)
        missing = [name for name in task.entity_col if name not in found]
        if missing:
            raise TaskError(f"{where}: column(s) {', '.join(map(repr, missing))} missing")


def row_positions(task: Task, db: Database, table: pd.DataFrame) -> np.ndarray:
    """Return the entity table's row of each label row, [n] int64, -1 where there is none."""
    entity = db.schema.table(task.entity_table)
    if is_positional(task, entity):
        values = pd.to_numeric(table[task.entity_col[0]], errors="coerce").fillna(-1)
        inside = (values >= 0) & (values < entity.num_rows)
        return values.where(inside, -1).to_numpy(np.int64)
    by_name = set(task.entity_col) == set(entity.pkey)
    keys = table[list(entity.pkey if by_name else task.entity_col)]
    return db.row_positions(entity.name, keys.set_axis(list(entity.pkey), axis=1))


def known_from(task: Task, db: Database) -> np.ndarray:
    """Return when each row of the entity table became known, [rows] int64 seconds."""
    since = db.times(task.entity_table)
    if since is None:
        return np.full(db.schema.table(task.entity_table).num_rows, STATIC_TIME)
    return since


def eligible(task: Task, db: Database, at: int) -> np.ndarray:
    """Return the rows that may be asked about at `at` (seconds), ascending int64.

    Those that `entity_sql` selects, or all; none that is unknown at that time.

    Raises: TaskError: `entity_sql` is refused or fails, or nobody is eligible.
    """
    known = known_from(task, db)
    if at < (first := _first_time(db)):
        raise TaskError(
            f"{task}: {times.text(at)} is earlier than the first row of the database"
            + (f" ({times.text(first)})" if first != UNKNOWN_TIME else "")
        )
    rows = np.arange(len(known))
    if task.entity_sql:
        seeds = np.array([at], dtype=np.int64)
        found = query.run(
            db,
            task.entity_sql,
            seeds,
            timedelta=task.timedelta,
            upto=at,
            where=f"{task}, entity_sql",
        ).to_pandas()
        rows = np.unique(row_positions(task, db, found))
    rows = rows[rows >= 0]
    rows = rows[known[rows] <= at]
    if not len(rows):
        raise TaskError(
            f"{task}: no row of table {task.entity_table!r} is eligible at {times.text(at)}"
        )
    return rows


def usable(
    task: Task,
    db: Database,
    table: pd.DataFrame,
    entity: np.ndarray,
    time: np.ndarray,
    visible_until: int | None,
) -> tuple[np.ndarray, list[str]]:
    """Return which label rows can be seeds, [n] bool, and a note on each group that cannot.

    A row goes when its entity is not in the entity table, or is not known by the seed time (nor,
    under the frozen policy, by the test timestamp: RelBench's rule for dangling entities).

    Raises: TaskError: none is left; the message says why the largest group went.
    """
    kept, notes = np.ones(len(entity), dtype=bool), []
    for wrong, reason in _faults(task, db, entity, time, visible_until):
        gone = wrong & kept
        if gone.any():
            example = ", ".join(map(str, table.loc[gone, list(task.entity_col)].iloc[0]))
            notes.append(f"{gone.sum()} of {len(entity)} label rows left out: {reason} ({example})")
        kept &= ~wrong
    if not kept.any():
        raise TaskError(f"{task}: no usable label row. {'; '.join(notes)}")
    return kept, notes


def check_asked(
    task: Task, db: Database, table: pd.DataFrame, entity: np.ndarray, time: np.ndarray
) -> None:
    """Raise TaskError where a row that is asked about cannot be answered."""
    for wrong, reason in _faults(task, db, entity, time, None):
        if wrong.any():
            named = [c for c in (*task.entity_col, task.time_col) if c in table]
            example = ", ".join(map(str, table.loc[wrong, named].iloc[0]))
            raise TaskError(f"{task}: {wrong.sum()} of {len(entity)} rows: {reason} ({example})")


def _faults(
    task: Task, db: Database, entity: np.ndarray, time: np.ndarray, visible_until: int | None
) -> Iterator[tuple[np.ndarray, str]]:
    name = task.entity_table
    yield time == UNKNOWN_TIME, "the seed time is null"
    yield entity < 0, f"the entity is not in table {name!r}"
    known = known_from(task, db)[np.maximum(entity, 0)]
    if visible_until is not None:
        yield known > visible_until, f"the {name} row is later than the test timestamp"
    yield known > time, f"the {name} row is later than the seed"
    yield time < _first_time(db), "the seed is earlier than the first row of the database"


def _first_time(db: Database) -> int:
    timed = [name for name, table in db.schema.tables.items() if table.time_col]
    if not timed:
        return STATIC_TIME
    spans = [span for name in timed if (span := db.span(name))]
    return min((first for first, _ in spans), default=UNKNOWN_TIME)
