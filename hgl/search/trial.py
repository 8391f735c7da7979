"""One model to be trained, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hgl.errors import ConfigError, check_range
from hgl.search.model import GraphModel


@dataclass(frozen=True)
class Rung:
    """How thoroughly a trial is run: epochs of training, of so many seeds.

    Raises: ConfigError: one is below 1.
    """

    epochs: int
    seeds: int = 1

    def __post_init__(self) -> None:
        check_range("epochs", self.epochs, 1)
        check_range("seeds", self.seeds, 1)

    @property
    def work(self) -> int:
        """Epochs of all seeds."""
        return self.epochs * self.seeds


@dataclass(frozen=True)
class Ladder:
    """Rungs from the cheapest to the full one, where a model is judged for good.

    Raises: ConfigError: there is none, or one has fewer epochs or seeds than the one before, or
        both the same.
    """

    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        if not self.rungs:
            raise ConfigError("rungs=(): expected at least one")
        for lower, higher in pairwise(self.rungs):
            shrinks = higher.epochs < lower.epochs or higher.seeds < lower.seeds
            if shrinks or higher == lower:
                raise ConfigError(
                    f"rungs: {higher} after {lower}: expected more epochs or seeds, and no fewer"
                )

    @property
    def full(self) -> int:
        """Position of the last rung."""
        return len(self.rungs) - 1

    def cost(self, rung: int, done: int | None = None) -> float:
        """Return what running a model at a rung costs, in full trials.

        Args:
            rung: position of the rung.
            done: the highest rung that the same model has run at, which a higher one resumes; None
                for a new model.
        """
        run = 0 if done is None else self.rungs[done].work
        return max(self.rungs[rung].work - run, 0) / self.rungs[-1].work


@dataclass(frozen=True)
class Trial:
    """A model at one rung of the ladder, by position."""

    model: GraphModel
    rung: int
