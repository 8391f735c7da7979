"""What a search found, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hgl.errors import ConfigError
from hgl.search.model import GraphModel
from hgl.search.trial import Ladder
from hgl.tasks.metrics import METRICS


@dataclass(frozen=True)
class Scored:
    """A trial that ran.

    Attributes:
        rung: position in the ladder.
        score: on validation, higher is better (an MAE negated), mean over seeds; None if it failed.
        by_seed: the score of each seed.
        spent: budget used up to and with this trial, in full trainings.
        seconds: wall time, if known.
        error: why it failed.
    Raises: ConfigError: the score is no number, or is not the mean of `by_seed`.
    """

    model: GraphModel
    rung: int
    score: float | None
    by_seed: tuple[float, ...]
    spent: float
    seconds: float | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        if self.score is None:
            return
        if not math.isfinite(self.score):
            raise ConfigError(f"score={self.score}: expected a number, or None of a failed trial")
        known = [score for score in self.by_seed if not math.isnan(score)]
        if known and not math.isclose(np.mean(known), self.score, rel_tol=1e-3, abs_tol=1e-6):
            raise ConfigError(
                f"score={self.score}: expected the mean of by_seed={self.by_seed}, where higher is "
                "better in both"
            )


@dataclass(frozen=True)
class HeldOut:
    """Test scores, higher is better, of the winner and the default: one per seed, same seeds.

    Raises: ConfigError: there is none of the winner, or the default has another number of them.
    """

    winner: tuple[float, ...]
    default: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.winner:
            raise ConfigError("test scores of the winner: expected at least one")
        if self.default is not None and len(self.default) != len(self.winner):
            raise ConfigError(
                f"{len(self.default)} test scores of the default: expected {len(self.winner)}, as "
                "of the winner"
            )


@dataclass(frozen=True)
class Result:
    """A finished search.

    Attributes:
        scored: trials in the order asked.
        metric: a name in `METRICS`.
        winner: the model chosen, by validation alone.
        default: all rows as nodes (`SpecSpace.all_rows`); None where it does not fit the task.
        held_out: None where nothing was tested.
    Raises: ConfigError: the metric is unknown, a rung is not in the ladder, or the winner has no
        score.
    """

    scored: tuple[Scored, ...]
    ladder: Ladder
    metric: str
    winner: GraphModel
    default: GraphModel | None
    held_out: HeldOut | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ConfigError(f"metric={self.metric!r}: expected one of {', '.join(METRICS)}")
        for trial in self.scored:
            if not 0 <= trial.rung < len(self.ladder.rungs):
                raise ConfigError(
                    f"rung={trial.rung}: expected 0 to {len(self.ladder.rungs) - 1}, as the ladder"
                )
        if self.judged(self.winner) is None:
            raise ConfigError(f"winner {self.winner.to_bits()}: expected one with a score")

    @cached_property
    def by_trial(self) -> dict[tuple[GraphModel, int], Scored]:
        """Trials by model and rung."""
        return {(trial.model, trial.rung): trial for trial in self.scored}

    def judged(self, model: GraphModel | None) -> Scored | None:
        """Return the trial of a model at the highest rung that gave it a score."""
        trials = [t for t in self.scored if t.model == model and t.score is not None]
        return max(trials, key=lambda trial: trial.rung, default=None)

    def gain(self, trial: Scored) -> float | None:
        """Return by how much a trial beats the default at the same rung; above 0 it is better.

        None where one of them has no score there.
        """
        if self.default is None or trial.score is None:
            return None
        default = self.by_trial.get((self.default, trial.rung))
        return None if default is None or default.score is None else trial.score - default.score

    def shown(self, score: float) -> float:
        """Return a score as the metric is known: an MAE without its minus."""
        return METRICS[self.metric].sign * score

    def fidelity(self, rung: int) -> str:
        """Say how long and how often a rung trains."""
        epochs, seeds = self.ladder.rungs[rung].epochs, self.ladder.rungs[rung].seeds
        return f"{epochs} epoch{'s' * (epochs > 1)}, {seeds} seed{'s' * (seeds > 1)}"
