"""A search that is asked for trials and told their scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.errors import ConfigError, check_range
from hgl.search.method import Method
from hgl.search.model import GraphModel
from hgl.search.trial import Ladder, Trial

Entry = tuple[Trial, float | None, float]
"""A trial, its score, and what was spent up to and with it."""
IDLE_ROUNDS = 200
"""Rounds without a new trial after which a method is taken to have nothing left to ask."""
ROUNDING = 1e-9
"""By which costs, added up, may pass the budget."""


class Search:
    """A method at work within a budget, for any number of workers.

    Trials are handed out round by round; what is asked does not depend on how many are out at once
    nor on the order in which scores come back. A trial asked before is answered from memory.

    Args:
        method: what decides.
        ladder: what a trial costs.
        budget: of all trials together, those a method starts with included, in full trials.
    Raises: ConfigError: the budget is not above 0.
    """

    def __init__(self, method: Method, ladder: Ladder, budget: float) -> None:
        check_range("budget", budget, 0)
        if budget == 0:
            raise ConfigError("budget=0: expected more, in full trials")
        self.method = method
        self.ladder = ladder
        self.budget = budget
        self.spent = 0.0
        self._rounds = method.rounds()
        self._round: list[Trial] = []
        self._waiting = iter(self._round)
        self._asked: dict[Trial, float] = {}
        self._scores: dict[Trial, float | None] = {}
        self._reached: dict[GraphModel, int] = {}
        self._over = False
        self._take(next(self._rounds, None))

    def ask(self) -> Trial | None:
        """Return the next trial to run; None where scores must be told first, or the search ends.

        A trial that would pass the budget is not asked, and ends the search.
        """
        for _ in range(IDLE_ROUNDS):
            trial = self._next_new()
            if trial is not None:
                return self._hand_out(trial)
            if self._over or not all(trial in self._scores for trial in self._round):
                return None
            self._turn()
        self._over = True
        return None

    def tell(self, trial: Trial, score: float | None) -> None:
        """Take the validation score of a trial, higher is better; None or no number if it failed.

        Raises: ConfigError: the trial was never asked, or has another score already.
        """
        if trial not in self._asked:
            raise ConfigError(f"trial {trial}: expected one that was asked")
        score = score if score is not None and math.isfinite(score) else None
        if self._scores.setdefault(trial, score) != score:
            raise ConfigError(
                f"score={score} of trial {trial}: it was told {self._scores[trial]} before"
            )

    @property
    def done(self) -> bool:
        """Whether `ask` has found nothing left, and all scores are in."""
        return self._over and len(self._scores) == len(self._asked)

    @property
    def history(self) -> list[Entry]:
        """Trials told, in the order asked."""
        told = self._scores
        return [(trial, told[trial], at) for trial, at in self._asked.items() if trial in told]

    @property
    def best(self) -> Trial | None:
        """The trial of the highest score among those of the highest rung reached."""
        return best(self.history)

    def _next_new(self) -> Trial | None:
        """The next trial of the round that was never asked."""
        if self._over:
            return None
        return next((trial for trial in self._waiting if trial not in self._asked), None)

    def _hand_out(self, trial: Trial) -> Trial | None:
        done = self._reached.get(trial.model)
        spent = self.spent + self.ladder.cost(trial.rung, done)
        if spent > self.budget + ROUNDING:
            self._over = True
            return None
        self.spent = self._asked[trial] = spent
        self._reached[trial.model] = max(trial.rung, -1 if done is None else done)
        return trial

    def _turn(self) -> None:
        """Send the method its scores, and take its next round."""
        try:
            found = self._rounds.send({trial: self._scores[trial] for trial in self._round})
        except StopIteration:
            found = None
        self._take(found)

    def _take(self, found: list[Trial] | None) -> None:
        """Begin a round; None where the method has returned."""
        self._over = found is None
        self._round = found or []
        self._waiting = iter(self._round)


def best(history: Sequence[Entry]) -> Trial | None:
    """Return the trial of the highest score at the highest rung reached, the first of equals.

    None where every trial failed.
    """
    scored = [(trial.rung, score, trial) for trial, score, _ in history if score is not None]
    return max(scored, key=lambda entry: entry[:2])[2] if scored else None
