"""A quality floor: what a student is not sure of is asked of its teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hgl.tasks.metrics import METRICS, Answer
from hgl.tasks.seeds import SeedTable

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Of seeds that go to the teacher, compared on validation."""


@dataclass(frozen=True)
class Cascade:
    """When to ask the teacher.

    Attributes:
        threshold: a student less confident than this gives way; in [0, 1].
        share: of validation's seeds that it gave way on.
        score: on validation.
    """

    threshold: float
    share: float
    score: float

    def unsure(self, prediction: np.ndarray) -> np.ndarray:
        """Return which predictions to ask the teacher about, [n] bool."""
        return confidence(prediction) < self.threshold

    def mix(self, student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
        """Return the student's predictions where it is sure, else the teacher's."""
        unsure = self.unsure(student)
        return np.where(unsure.reshape(-1, *[1] * (student.ndim - 1)), teacher, student)


def confidence(prediction: np.ndarray) -> np.ndarray:
    """Return how far probabilities, [n] or [n, classes], are from undecided: [n], 0 to 1."""
    if prediction.ndim == 1:
        return np.abs(2 * prediction - 1)
    least = 1 / prediction.shape[1]
    return (prediction.max(axis=1) - least) / (1 - least)


def choose_cascade(val: SeedTable, student: np.ndarray, teacher: np.ndarray) -> Cascade | None:
    """Return the least share asked of the teacher that is as good as its best on validation.

    Args:
        student, teacher: predictions on `val`, calibrated alike.
    Returns: None for a regression, whose values say nothing of how sure they are, and for
        multilabel tasks, whose labels have a confidence each.
    """
    if val.task.kind not in ("binary", "multiclass"):
        return None
    metric = METRICS[val.task.metric]
    score = metric.scores[val.task.kind]
    sure = np.sort(confidence(student))
    found = []
    for share in SHARES:
        place = int(share * len(sure))
        threshold = sure[place] if place < len(sure) else 2.0
        cascade = Cascade(float(threshold), share, 0.0)
        mixed = cascade.mix(student, teacher)
        value = score(Answer(val.answers, mixed, val.time))
        found.append(Cascade(cascade.threshold, float(cascade.unsure(student).mean()), value))
    return max(found, key=lambda c: (metric.sign * c.score, -c.share))
