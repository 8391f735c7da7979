"""What every search method is: a generator of rounds of trials."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping

import numpy as np

from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Trial

Scores = Mapping[Trial, float | None]
"""Validation, higher is better; None where a trial failed."""
Rounds = Generator[list[Trial], Scores, None]
"""Yields a round of trials, is sent the scores of all of them, yields the next."""
Worth = dict[GraphModel, float]
"""Scores of models at one rung; minus infinity where the trial failed."""


class Method(ABC):
    """Which trials to run next, given the scores of those before.

    What is asked depends on the arguments and the scores alone, never on when or in which order
    these came, so that a search is resumed by telling it its stored scores again.

    A method may ask for trials it has seen, which are answered at no cost, and may go on for ever:
    `Search` keeps to the budget.

    Args:
        space: what is searched.
        ladder: how thoroughly a trial can be run. Methods that know no cheap trials run all of
            them at its last rung.
        seed: of all that is drawn at random.
    """

    def __init__(self, space: SpecSpace, *, ladder: Ladder, seed: int = 0) -> None:
        self.space = space
        self.ladder = ladder
        self.seed = seed

    @abstractmethod
    def rounds(self) -> Rounds:
        """Return a new generator of rounds, which begins the search afresh."""

    def rng(self) -> np.random.Generator:
        """A generator in its first state."""
        return np.random.default_rng(self.seed)

    def ask(
        self, models: Iterable[GraphModel], rung: int | None = None
    ) -> Generator[list[Trial], Scores, Worth]:
        """Ask for models in one round, at the last rung unless another is named.

        Use as `worth = yield from self.ask(models)`.
        """
        rung = self.ladder.full if rung is None else rung
        trials = [Trial(model, rung) for model in dict.fromkeys(models)]
        scores = yield trials
        return {trial.model: worth(scores[trial]) for trial in trials}


def worth(score: float | None) -> float:
    """A score, minus infinity for that of a failed trial."""
    return -math.inf if score is None else score
