"""Predictions as RelBench's leaderboard takes them: one CSV per task, one row per test row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from hgl.db import times
from hgl.db.database import Database
from hgl.errors import ConfigError, TaskError
from hgl.tasks import labels, population
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.predictions import recommended, write_frame

Cells = Callable[[Task, Database, np.ndarray], pd.Series]
"""From predictions, one per test row, to the text or numbers of a CSV column."""


def _numbers(task: Task, db: Database, prediction: np.ndarray) -> pd.Series:
    return pd.Series(prediction.astype(np.float64))


def _lists(task: Task, db: Database, prediction: np.ndarray) -> pd.Series:
    return pd.Series([json.dumps(keys) for keys in recommended(task, db, prediction)], dtype=object)


CELLS: Mapping[str, Cells] = {"binary": _numbers, "regression": _numbers, "recommendation": _lists}
"""Kinds of task that RelBench scores: a probability, a value, a list of keys."""


def check_submission(task: Task, split: str, folder: str) -> None:
    """Refuse, before any work, what RelBench would.

    Raises: ConfigError: the split is not test, RelBench has no metric for the task's kind, or
        `folder` is a file.
    """
    where = f"submission={folder!r}"
    if split != "test":
        raise ConfigError(f"{where}: split={split!r}; expected test")
    if task.kind not in CELLS:
        raise ConfigError(
            f"{where}: {task} is {task.kind}; RelBench scores {', '.join(CELLS)} only"
        )
    if len(task.target_cols) != 1:
        raise ConfigError(
            f"{where}: {task} recommends rows of the key {', '.join(task.target_cols)}; RelBench "
            "scores keys of one column"
        )
    if Path(folder).exists() and not Path(folder).is_dir():
        raise ConfigError(f"{where}: expected a folder")


def write_submission(db: Database, seeds: SeedTable, prediction: np.ndarray, folder: Path) -> Path:
    """Write `<dataset>__<task>.csv` into `folder`, made where absent; return the file.

    Args:
        seeds: of the test split.
        prediction: one per seed.
    Raises: TaskError: a test row has no prediction. ConfigError: the folder cannot be written.
    """
    frame = submission_frame(db, seeds, prediction)
    file = folder / f"{db.schema.name}__{seeds.task.name}.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_frame(frame, file)
    except OSError as error:
        raise ConfigError(
            f"submission={str(folder)!r}: cannot be written ({error.strerror})"
        ) from None
    return file


def submission_frame(db: Database, seeds: SeedTable, prediction: np.ndarray) -> pd.DataFrame:
    """Return the test labels' keys, in their order, with predictions in the target's column.

    Raises: TaskError: a test row has no prediction: it was no usable seed.
    """
    task = seeds.task
    keys = [*task.entity_col, task.time_col]
    # A recommendation has one label per pair, and one row in a submission.
    table = labels.label_table(task, db, "test")[keys].drop_duplicates(ignore_index=True)
    places = pd.Series(np.arange(len(seeds)), index=_index(seeds.entity, seeds.time))
    asked = times.seconds(table[task.time_col], rounding="up" if task.autocomplete else "down")
    place = places.reindex(_index(population.row_positions(task, db, table), asked))
    if missing := int(place.isna().sum()):
        notes = "; ".join(seeds.notes)
        raise TaskError(f"{task}: {missing} of {len(table)} test rows have no prediction ({notes})")
    chosen = prediction[place.to_numpy(dtype=np.int64)]
    (target,) = task.target_cols
    return table.assign(**{target: CELLS[task.kind](task, db, chosen)})


def _index(entity: np.ndarray, time: np.ndarray) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([entity, time])
