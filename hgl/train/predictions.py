"""What a model predicted: scores, tables and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.db.files import aside_of
from hgl.tasks.links import key_lists
from hgl.tasks.lists import Lists
from hgl.tasks.metrics import evaluate
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task


def score(seeds: SeedTable, train: SeedTable, prediction: np.ndarray) -> dict[str, float]:
    """Score predictions of `seeds`, with the train target's spread for NMAE."""
    regression = seeds.task.kind == "regression"
    return evaluate(
        seeds.task.kind,
        seeds.answers,
        prediction,
        time=seeds.time,
        train_std=float(np.std(train.answers, ddof=1)) if regression else None,
    )


def prediction_frame(db: Database, seeds: SeedTable, prediction: np.ndarray) -> pd.DataFrame:
    """The user's keys and seed times with a column `prediction` (one per class where several).

    Recommendations are a list of the destinations' keys, best first.
    """
    if seeds.task.kind == "recommendation":
        return seeds.frame(db).assign(prediction=recommended(seeds.task, db, prediction))
    return prediction_columns(seeds.frame(db), seeds.classes, prediction)


def recommended(task: Task, db: Database, prediction: np.ndarray) -> list[list[Any]]:
    """Return the user's keys of [n, k] destination rows, -1 for none, best first."""
    kept = prediction >= 0
    rows = Lists(np.concatenate([[0], kept.sum(axis=1).cumsum()]), prediction[kept])
    return key_lists(task, db, rows)


def prediction_columns(
    frame: pd.DataFrame, classes: Sequence[object], prediction: np.ndarray
) -> pd.DataFrame:
    """Add a column `prediction`, or one per class, to the rows that were asked about."""
    if prediction.ndim == 1:
        return frame.assign(prediction=prediction)
    names = [f"prediction_{c}" for c in (classes or range(prediction.shape[1]))]
    return pd.concat([frame, pd.DataFrame(prediction, columns=names, index=frame.index)], axis=1)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet or CSV, by the path's ending; it is either whole or absent."""
    with aside_of(path) as aside:
        if path.suffix == ".csv":
            frame.to_csv(aside, index=False)
        else:
            frame.to_parquet(aside, index=False)
