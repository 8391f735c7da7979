"""How much a search trains."""

from __future__ import annotations

from dataclasses import dataclass

from hgl.errors import ConfigError, check_range
from hgl.search.trial import Ladder, Rung


@dataclass(frozen=True)
class Effort:
    """What a search may spend, and on what.

    A full training is one seed for the epochs of the last rung.

    Attributes:
        rungs: (epochs, seeds) that exploration can train a model for, ascending.
        budget: full trainings in all.
        finalists: how many of the best models are trained with all final seeds.
        final_seeds: trainings of each finalist, and of all rows as nodes.
        supernet: epochs of a one-shot supernet whose scores the method begins with; 0 for none.
            They count in the budget; scoring the models, which does not, takes time as well.
    Raises: ConfigError: a number is out of range, or finalists leave nothing to explore with.
    """

    rungs: tuple[tuple[int, int], ...]
    budget: float
    finalists: int = 3
    final_seeds: int = 3
    supernet: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rungs", tuple(tuple(rung) for rung in self.rungs))
        check_range("finalists", self.finalists, 1)
        check_range("final_seeds", self.final_seeds, 1)
        check_range("supernet", self.supernet, 0)
        check_range("budget", self.budget, 0)
        if self.exploration <= 0:
            raise ConfigError(
                f"budget={self.budget:g}: expected more than the {self._reserved:g} trainings that "
                f"finalists={self.finalists}, final_seeds={self.final_seeds} and "
                f"supernet={self.supernet} take"
            )

    @property
    def ladder(self) -> Ladder:
        """What exploration can choose from."""
        return Ladder(tuple(Rung(*rung) for rung in self.rungs))

    @property
    def final_ladder(self) -> Ladder:
        """The same, and on top the finalists' trainings where those are more."""
        last = self.ladder.rungs[-1]
        final = Rung(last.epochs, max(self.final_seeds, last.seeds))
        return Ladder(tuple(dict.fromkeys([*self.ladder.rungs, final])))

    @property
    def exploration(self) -> float:
        """The part of the budget that the method has."""
        return self.budget - self._reserved

    @property
    def _reserved(self) -> float:
        """Trainings of the supernet, of finalists explored at the last rung, and of the default."""
        last, seeds = self.ladder.rungs[-1], self.final_ladder.rungs[-1].seeds
        return self.finalists * (seeds - last.seeds) + seeds + self.supernet / last.epochs
