"""An exported student's answers for many rows: from the live database, or from all of its rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd

from hgl.aggregates.batch import compute
from hgl.aggregates.table import FeatureTable
from hgl.commands.asked import Asked
from hgl.commands.folder import unkept
from hgl.commands.live import features_for, is_live, source_of
from hgl.commands.source import open_database
from hgl.db import times
from hgl.distill.cascade import confidence
from hgl.errors import ConfigError
from hgl.export.artefact import Artefact
from hgl.tasks.task import Task
from hgl.train.predictions import prediction_columns, prediction_frame

log = logging.getLogger(__name__)

_AT_ONCE = 1000


def answers(artefact: Artefact, asked: Asked, db: str | None, **options: Any) -> pd.DataFrame:
    """Return keys, times and predictions.

    Args:
        db: as for every command; None: where the student was made from.
        options: of `open_database`, where it has to be read.
    Raises: HglError: a row cannot be answered, or the database is not what it was.
    """
    task = unkept(artefact.manifest.source.task, f"artefact {artefact.folder}")
    if asked.table is not None and is_live(source_of(artefact, db)):
        return _live(artefact, task, asked.table, db, **options)
    stated = artefact.manifest.source.manifest
    database = open_database(source_of(artefact, db), manifest=stated, **options)
    artefact.check_database(database.schema)
    seeds = asked.seeds(task, database, artefact.manifest.plan.cut)
    _warn(artefact, seeds.time)
    columns = compute(database, artefact.manifest.plan, seeds)
    return prediction_frame(database, seeds, artefact.scorer(columns))


def cascaded(
    artefact: Artefact, frame: pd.DataFrame, teacher: Callable[[Asked], pd.DataFrame]
) -> pd.DataFrame:
    """Replace the predictions that a student is not sure of by its teacher's.

    Args:
        frame: keys, times and predictions of the student.
        teacher: answers rows with the same keys and times.
    Raises: ConfigError: the student says nothing of how sure it is.
    """
    below = artefact.manifest.unsure_below
    if below is None:
        raise ConfigError(
            f"artefact={str(artefact.folder)!r}: its {artefact.manifest.task.kind} student says "
            "nothing of how sure it is; expected run=<folder> or artefact=<folder>, not both"
        )
    columns = [c for c in frame if str(c).startswith("prediction")]
    predictions = frame[columns].to_numpy()
    unsure = confidence(predictions if len(columns) > 1 else predictions[:, 0]) < below
    log.info("the teacher is asked about %d of %d rows", unsure.sum(), len(frame))
    if unsure.any():
        rows = frame.loc[unsure].drop(columns=columns).reset_index(drop=True)
        frame.loc[unsure, columns] = teacher(Asked(None, rows))[columns].to_numpy()
    return frame


def _live(
    artefact: Artefact, task: Task, table: pd.DataFrame, db: str | None, **options: Any
) -> pd.DataFrame:
    keys = list(artefact.manifest.task.key_columns)
    if missing := [c for c in (*keys, task.time_col) if c not in table]:
        raise ConfigError(f"table: no column {missing[0]!r}; expected {keys} and {task.time_col!r}")
    moments = times.seconds(table[task.time_col], rounding="down")
    _warn(artefact, moments)
    rows = table[keys].to_dict("records")
    with closing(features_for(artefact, db, **options)) as features:
        parts: list[FeatureTable] = [
            features.fetch(rows[i : i + _AT_ONCE], moments[i : i + _AT_ONCE].tolist())
            for i in range(0, len(rows), _AT_ONCE)
        ]
    predictions = artefact.scorer(FeatureTable.join(parts))
    frame = table[[*keys, task.time_col]].reset_index(drop=True)
    return prediction_columns(frame, artefact.manifest.task.classes, predictions)


def _warn(artefact: Artefact, moments: np.ndarray) -> None:
    """Say it where answers may be in sample, or are stale."""
    cutoff, longest = artefact.manifest.cutoff, artefact.manifest.max_staleness
    until = times.text(cutoff)
    if early := int((moments <= cutoff).sum()):
        log.warning("%d of %d rows are no later than the cut-off %s: training may have seen their "
                    "answers", early, len(moments), until)  # fmt: skip
    if longest is not None and (late := int((moments > cutoff + longest).sum())):
        log.warning("%d of %d rows are stale: too long after %s", late, len(moments), until)
