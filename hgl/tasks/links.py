"""Labels of a recommendation task: from pairs of keys, or lists of them, to lists of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hgl.errors import TaskError
from hgl.tasks import population
from hgl.tasks.lists import Lists

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.tasks.task import Task


def pairs(task: Task, table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return one row per (time, source, destination) from labels in that form, or from lists.

    Raises: TaskError: some labels are lists and some are not, or the key has several columns.
    """
    (first, *others) = task.of_destinations().entity_col
    listed = table[first].map(lambda label: isinstance(label, list | tuple | np.ndarray))
    if not listed.any():
        return table
    if not listed.all():
        raise TaskError(f"{where}: {first!r} holds {table.loc[~listed, first].iloc[0]!r}; "
                        "expected a list in every row, or in none")  # fmt: skip
    if others:
        raise TaskError(f"{where}: {first!r} holds lists, but the destination's key has "
                        f"{1 + len(others)} columns; select one row per pair")  # fmt: skip
    exploded = table.explode(first, ignore_index=True)
    return exploded[exploded[first].notna()].infer_objects().reset_index(drop=True)


def lists(
    task: Task, db: Database, table: pd.DataFrame, visible_until: int | None
) -> tuple[pd.DataFrame, Lists, list[str]]:
    """Collect pairs into one list of destination rows per time and source.

    A destination goes when it is not in its table or, under the frozen policy, later than the test
    timestamp (RelBench's rule); so does a seed whose destinations all go.

    Returns: [n] rows of times and sources, their lists, and a note on what went.

    Raises: TaskError: no destination is left.
    """
    other = task.of_destinations()
    row = population.row_positions(other, db, table)
    gone = row < 0
    if visible_until is not None:
        gone |= population.known_from(other, db)[np.maximum(row, 0)] > visible_until
    keys = [task.time_col, *task.entity_col]
    notes = []
    if gone.any():
        example = ", ".join(map(str, table.loc[gone, list(other.entity_col)].iloc[0]))
        notes.append(
            f"{gone.sum()} of {len(table)} pairs left out: their row of {other.entity_table!r} is "
            f"not known by the test timestamp ({example})"
        )
    if gone.all():
        raise TaskError(f"{task}: no destination is known. {'; '.join(notes)}")
    table, row = table.loc[~gone, keys].reset_index(drop=True), row[~gone]
    owner = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    first = np.unique(owner, return_index=True)[1]
    return table.iloc[first].reset_index(drop=True), Lists.grouped(owner, row, len(first)), notes


def key_lists(task: Task, db: Database, found: Lists) -> list[list[Any]]:
    """Return the user's keys of each list; a key of several columns is a mapping."""
    table = db.schema.table(task.of_destinations().entity_table)
    columns = list(table.pkey) or [str(table.row_col)]
    frame = db.frame(table.name, columns)
    keys = frame[columns[0]].tolist() if len(columns) == 1 else frame.to_dict("records")
    named = [keys[row] for row in found.values]
    return [named[a:b] for a, b in zip(found.ptr[:-1], found.ptr[1:], strict=True)]
