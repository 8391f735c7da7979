"""Predictions beside what came true, in bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows whose predictions are alike.

    Attributes:
        predicted, observed: means.
        count: rows.
    """

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True)
class Pairs:
    """What was said and what was so, as two numbers per row.

    Attributes:
        probability: whether they are between 0 and 1.
        about: what the numbers are.
    """

    said: np.ndarray
    so: np.ndarray
    probability: bool
    about: str

    @classmethod
    def of(cls, kind: str, target: np.ndarray, prediction: np.ndarray) -> Pairs | None:
        """Return the pairs of a kind of target, or None for a kind that is not known."""
        if kind == "binary":
            return cls(prediction, target, True, "probability and share of positives")
        if kind == "multilabel":
            about = "probability and share of positives, over all labels"
            return cls(prediction.ravel(), target.ravel(), True, about)
        if kind == "multiclass":
            right = (prediction.argmax(axis=1) == target).astype(float)
            return cls(prediction.max(axis=1), right, True, "confidence and share of right answers")
        if kind == "regression":
            return cls(prediction, target, False, "mean prediction and mean target, in tenths")
        return None

    @classmethod
    def pooled(cls, parts: Sequence[Pairs]) -> Pairs:
        """Return the pairs of several runs, at least one, as if of one."""
        said, so = (np.concatenate(each) for each in zip(*((p.said, p.so) for p in parts)))
        return replace(parts[0], said=said, so=so)

    def bins(self) -> list[Bin]:
        """Return filled bins: ten of equal width for probabilities, else ten of equal count."""
        if self.probability:
            place = np.minimum((self.said * BINS).astype(int), BINS - 1)
            parts = [np.flatnonzero(place == number) for number in range(BINS)]
        else:
            parts = np.array_split(np.argsort(self.said, kind="stable"), BINS)
        return [
            Bin(float(self.said[part].mean()), float(self.so[part].mean()), len(part))
            for part in parts
            if len(part)
        ]

    def error(self) -> float:
        """Return the mean distance of bins from the diagonal, weighted by their rows (ECE)."""
        total = sum(part.count for part in self.bins())
        gaps = (part.count * abs(part.predicted - part.observed) for part in self.bins())
        return sum(gaps) / total if total else float("nan")
