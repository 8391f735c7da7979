"""One split's main score, over the seeds of a contender."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hgl.results.record import Record


@dataclass(frozen=True)
class Score:
    """A mean and how sure it is; nan wherever a seed leaves it undefined.

    Attributes:
        mean, std: over seeds; std is nan for one seed.
        count: seeds.
        low, high: ends of the seeds' 95 % intervals over entities, averaged.
    """

    mean: float
    std: float
    count: int
    low: float
    high: float

    @classmethod
    def over(cls, records: Sequence[Record], split: str) -> Score:
        """Return the score of records that are done."""
        values = [record.score(split) for record in records]
        ends = [record.interval.get(split) or (math.nan, math.nan) for record in records]
        low, high = np.mean(ends, axis=0) if ends else (math.nan, math.nan)
        return cls(
            mean=float(np.mean(values)) if values else math.nan,
            std=float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
            count=len(values),
            low=float(low),
            high=float(high),
        )

    @property
    def over_seeds(self) -> tuple[float, float]:
        """95 % interval of the mean (Student's t); nan for fewer than two seeds."""
        if self.count < 2:
            return math.nan, math.nan
        reach = float(stats.t.ppf(0.975, self.count - 1)) * self.std / self.count**0.5
        return self.mean - reach, self.mean + reach
