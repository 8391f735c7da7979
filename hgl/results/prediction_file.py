"""Predictions that a run left, with their questions and answers: read from the file alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.db import times
from hgl.db.cache import digest
from hgl.errors import CacheError, HglError
from hgl.results.answers import scored
from hgl.results.question import Question
from hgl.tasks.draws import RESAMPLES, entity_draws, middle
from hgl.tasks.metrics import METRICS, Answer

SPLITS = ("val", "test")


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """One split of one run.

    Attributes:
        entity: [n] int64, equal for equal keys.
        time: [n] int64 seconds.
        target, prediction: see `hgl.tasks.metrics`.
        asked: digest of keys, times and answers: equal for all who are asked the same.
        digest: of the predictions alone.
    """

    question: Question
    entity: np.ndarray
    time: np.ndarray
    target: Any
    prediction: np.ndarray
    asked: str
    digest: str

    @classmethod
    def read(cls, path: Path, question: Question) -> PredictionFile:
        """Read `predictions/<split>.parquet` of a run.

        Raises: CacheError: it is absent or damaged, or not what the question asks for.
        """
        try:
            frame = pd.read_parquet(path)
        except FileNotFoundError:
            raise CacheError(f"there is no {path.name}") from None
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise CacheError(f"{path.name} cannot be read ({reason})") from None
        try:
            return cls.of(frame, question)
        except (HglError, LookupError, ValueError, TypeError) as error:
            raise CacheError(f"{path.name} is not what the task asks for ({error})") from None

    @classmethod
    def of(cls, frame: pd.DataFrame, question: Question) -> PredictionFile:
        """Read a table as `hgl.train.predictions` makes it.

        Args:
            frame: a row per seed: keys, time, answer, predictions, in this order.
        Raises: HglError, LookupError, ValueError, TypeError: it is not what the question asks for.
        """
        place = list(frame).index(question.target_col)
        asked, said = frame.iloc[:, : place + 1], frame.iloc[:, place + 1 :]
        *keys, time_col, _ = asked
        if not said.shape[1] or not keys:
            raise ValueError("expected keys, a time, an answer and predictions in each row")
        target, prediction = scored(question, asked[question.target_col], said)
        return cls(
            question,
            asked.groupby(keys, sort=True, dropna=False).ngroup().to_numpy(np.int64),
            times.seconds(asked[time_col], rounding="down"),
            target,
            prediction,
            digest(_text(asked).to_csv(index=False)),
            digest(_bytes(question.kind, said)),
        )

    def score(self, rows: Any = slice(None)) -> float:
        """Return the task's metric of all rows or some.

        nan where it is undefined, is not known, or needs more than predictions.
        """
        kind, metric = self.question.kind, METRICS.get(self.question.metric)
        answer = Answer(self.target[rows], self.prediction[rows], self.time[rows])
        if metric is None or kind not in metric.scores or metric.needs == "train_std":
            return float("nan")
        return float(metric.scores[kind](answer)) if len(answer.target) else float("nan")

    def interval(self, *, resamples: int = RESAMPLES) -> tuple[float, float] | None:
        """Return the ends of the metric's 95 % interval, entities resampled.

        Resamples where it is undefined do not count; None where it is never defined.
        """
        draws = entity_draws(self.entity, resamples, 0) if len(self.entity) else []
        return middle(np.array([self.score(rows) for rows in draws]))


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells as text: lists whole, of which numpy would leave out the middle."""
    lists = {
        name: [str(list(map(str, cell))) for cell in column]
        for name, column in frame.items()
        if column.map(lambda cell: isinstance(cell, list | np.ndarray)).any()
    }
    return frame.assign(**lists).astype(str)


def _bytes(kind: str, said: pd.DataFrame) -> bytes:
    if kind == "recommendation":
        return _text(said).to_csv(index=False).encode()
    return said.to_numpy(np.float64).tobytes()
