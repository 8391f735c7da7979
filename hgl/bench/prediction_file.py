"""Predictions that a run left, as what is scored: read from the file alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.bench.cell import Question
from hgl.db.cache import digest
from hgl.distill.bootstrap import RESAMPLES
from hgl.errors import CacheError
from hgl.tasks.draws import entity_draws
from hgl.tasks.metrics import METRICS, Answer


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """The rows of one split.

    Attributes:
        frame: keys, time, target and predictions, a row per seed.
    """

    question: Question
    frame: pd.DataFrame

    @classmethod
    def read(cls, path: Path, question: Question) -> PredictionFile:
        """Read what a run left. Raises: CacheError: it is absent or damaged."""
        try:
            return cls(question, pd.read_parquet(path))
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise CacheError(f"predictions {str(path)!r} cannot be read: {reason}") from None

    @property
    def digest(self) -> str:
        """Hash of the predictions alone: equal ones have the same."""
        return digest(self._prediction().tobytes())

    @property
    def asked(self) -> str:
        """Hash of keys, times and answers: equal for all who are asked the same."""
        return digest(self.frame.drop(columns=self._columns()).astype(str).to_csv(index=False))

    def interval(self, *, resamples: int = RESAMPLES) -> list[float] | None:
        """Return the ends of the 95 % interval of the task's metric, entities resampled.

        Resamples where it is undefined do not count; None where it is never defined, or the metric
        needs more than predictions.
        """
        metric = METRICS.get(self.question.metric)
        if metric is None or self.question.kind not in metric.scores or metric.needs == "train_std":
            return None
        score = metric.scores[self.question.kind]
        target, prediction = self._target(), self._prediction()
        time = self.frame[self.question.time_col].to_numpy()
        draws = entity_draws(self._entities(), resamples, 0)
        values = np.array([score(Answer(target[d], prediction[d], time[d])) for d in draws])
        values = values[np.isfinite(values)]
        return [float(v) for v in np.quantile(values, [0.025, 0.975])] if len(values) else None

    def _columns(self) -> list[str]:
        return [c for c in self.frame.columns if str(c).split("_")[0] == "prediction"]

    def _entities(self) -> np.ndarray:
        others = {self.question.time_col, self.question.target_col, *self._columns()}
        keys = [c for c in self.frame.columns if c not in others]
        return self.frame.groupby(keys, sort=True).ngroup().to_numpy()

    def _prediction(self) -> np.ndarray:
        values = self.frame[self._columns()].to_numpy(np.float64)
        return values[:, 0] if self._columns() == ["prediction"] else values

    def _target(self) -> np.ndarray:
        target = self.frame[self.question.target_col]
        names = [c.removeprefix("prediction_") for c in self._columns()]
        if self.question.kind == "multiclass":
            return target.astype(str).map({n: i for i, n in enumerate(names)}).to_numpy(np.int64)
        if self.question.kind == "multilabel":
            rows = [set(map(str, labels)) for labels in target]
            return np.array([[float(n in row) for n in names] for row in rows])
        return target.to_numpy(np.float64)
