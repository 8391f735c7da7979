"""The predictions that a run left, with their questions and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.db import times
from hgl.db.cache import digest
from hgl.errors import CacheError, HglError
from hgl.report.page.question import Question
from hgl.tasks import targets
from hgl.tasks.metrics import METRICS, Answer

SPLITS = ("val", "test")


@dataclass(frozen=True)
class Answers:
    """One split of one run.

    Attributes:
        entity: [n] int64, equal for equal keys.
        time: [n] int64 seconds.
        target, prediction: see `hgl.tasks.metrics`.
        asked: digest of keys, times and targets.
        said: digest of the predictions.
    """

    kind: str
    entity: np.ndarray
    time: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    asked: str
    said: str

    def score(self, metric: str, rows: Any = slice(None)) -> float:
        """Return a score of all rows or some, nan where it is undefined."""
        answer = Answer(self.target[rows], self.prediction[rows], self.time[rows])
        known = METRICS.get(metric)
        if known is None or self.kind not in known.scores or known.needs == "train_std":
            return float("nan")
        return float(known.scores[self.kind](answer)) if len(answer.target) else float("nan")


def read_answers(file: Path, question: Question) -> Answers:
    """Read `predictions/<split>.parquet` of a run.

    Raises: CacheError: it is absent or damaged, or not what the question asks for.
    """
    try:
        frame = pd.read_parquet(file)
    except FileNotFoundError:
        raise CacheError(f"there is no {file.name}") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise CacheError(f"{file.name} cannot be read ({reason})") from None
    try:
        return _answers(frame, question)
    except (HglError, KeyError, ValueError, TypeError) as error:
        raise CacheError(f"{file.name} is not what the task asks for ({error})") from None


def _answers(frame: pd.DataFrame, question: Question) -> Answers:
    said = [c for c in frame if c == "prediction" or str(c).startswith("prediction_")]
    prediction = frame[said].to_numpy(np.float64)
    if not said or not np.isfinite(prediction).all():
        raise ValueError("expected finite predictions")
    keys = [c for c in frame if c not in (*said, question.time_col, question.target_col)]
    entity = frame.groupby(keys, sort=True, dropna=False).ngroup().to_numpy() if keys else []
    time = times.seconds(frame[question.time_col], rounding="down")
    stated = frame[question.target_col]
    target = targets.encode(question.kind, stated, _classes(question.kind, said, stated))
    return Answers(
        question.kind,
        np.asarray(entity, np.int64),
        time,
        target,
        prediction[:, 0] if said == ["prediction"] else prediction,
        digest(frame[keys].astype(str).to_csv(index=False), time.tobytes(), target.tobytes()),
        digest(prediction.tobytes()),
    )


def _classes(kind: str, said: Sequence[str], stated: pd.Series) -> tuple[Any, ...]:
    """The labels that columns stand for, as their answers write them."""
    if kind not in ("multiclass", "multilabel"):
        return ()
    members = stated if kind == "multiclass" else stated.explode()
    written = {str(label): label for label in members.dropna().tolist()}
    names = [column.removeprefix("prediction_") for column in said]
    return tuple(written.get(name, name) for name in names)
