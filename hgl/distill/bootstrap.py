"""How sure a difference is: resampling entities, whose seeds go together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hgl.tasks.draws import RESAMPLES, entity_draws, middle
from hgl.tasks.metrics import METRICS, Answer
from hgl.tasks.seeds import SeedTable


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class Resampled:
    """Scores of several predictors on the same resamples of entities.

    Attributes:
        scores: predictor to [1 + resamples], the mean over its seeds; first on all entities.
            Higher is better: the scores of a metric where lower is are negated.
    """

    scores: Mapping[str, np.ndarray]

    def interval(self, of: Callable[[Mapping[str, np.ndarray]], np.ndarray]) -> Interval:
        """Return anything made of scores, such as a difference, with its interval.

        Resamples where it is undefined, such as an AUROC of one class, do not count.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            values = of(self.scores)
        return Interval(float(values[0]), *(middle(values[1:]) or (np.nan, np.nan)))

    def gain(self, of: str, over: str) -> Interval:
        """Return how much better one predictor is than another."""
        return self.interval(lambda scores: scores[of] - scores[over])

    def retention(self, of: str, floor: str, teacher: str) -> Interval:
        """Return (of - floor) / (teacher - floor)."""
        return self.interval(lambda s: (s[of] - s[floor]) / (s[teacher] - s[floor]))


def resample(
    seeds: SeedTable,
    predictions: Mapping[str, Sequence[np.ndarray]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """Score predictors on resamples of the entities of `seeds`, all on the same ones.

    Args:
        predictions: predictor to one array of predictions per seed it was trained with.
    """
    task = seeds.task
    metric = METRICS[task.metric]
    score = metric.scores[task.kind]
    draws = [np.arange(len(seeds)), *entity_draws(seeds.entity, resamples, seed)]

    def scored(prediction: np.ndarray) -> list[float]:
        target, time = seeds.answers, seeds.time
        return [score(Answer(target[d], prediction[d], time[d])) for d in draws]

    return Resampled(
        {
            name: metric.sign * np.mean([scored(p) for p in each], axis=0)
            for name, each in predictions.items()
        }
    )
