"""What a running search says: a line per trial, how much is spent, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hgl.search.report import Scored


@dataclass
class SearchLines:
    """Says how a search goes; to be called with each trial as it ends.

    Attributes:
        say: takes a line.
        budget: of the search, in full trainings.
        workers: processes that share the trials.
        metric: name.
        sign: 1 where a higher metric is better, else -1.
    """

    say: Callable[[str], None]
    budget: float
    workers: int
    metric: str
    sign: int
    _trials: list[Scored] = field(default_factory=list)

    def __call__(self, trial: Scored) -> None:
        """Say how a trial went."""
        self._trials.append(trial)
        went = self._shown(trial) if trial.score is not None else f"failed: {trial.error}"
        self.say(
            f"trial {len(self._trials)}, graph {trial.model.to_bits()}: {went}; "
            f"best {self._best(trial.rung)}; {self._spent:.3g} of {self.budget:.3g} trainings"
            f"{self._left}"
        )

    def _shown(self, trial: Scored) -> str:
        assert trial.score is not None
        return f"validation {self.metric} {self.sign * trial.score:.4f}"

    def _best(self, rung: int) -> str:
        """The best at a rung, as scores of different rungs do not compare."""
        scores = [t.score for t in self._trials if t.rung == rung and t.score is not None]
        return f"{self.sign * max(scores):.4f}" if scores else "none"

    @property
    def _spent(self) -> float:
        return max(trial.spent for trial in self._trials)

    @property
    def _left(self) -> str:
        seconds, spent = sum(t.seconds or 0.0 for t in self._trials), self._spent
        if not seconds or not spent or spent >= self.budget:
            return ""
        left = (self.budget - spent) * seconds / spent / self.workers
        return f", about {left / 60:.0f} min left" if left > 90 else f", about {left:.0f} s left"
