"""Runs the trials of a search in this process, beside any number of others at the same search."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hgl.search.report import Scored
from hgl.search.search import Search
from hgl.search.trial import Ladder, Trial
from hgl.search.trial_record import Done, Taken
from hgl.search.worker import Worker

Listener = Callable[[Scored], None]
"""Told of each trial as it ends, whoever ran it."""


@dataclass
class Driver:
    """Asks a search for trials, runs those that nobody else runs, tells it all scores.

    Every process at a search asks for the same trials in the same order, as a search's questions
    depend on its scores alone; the store gives each trial to one of them. So there is no leader: a
    process may join, leave or die at any time.

    Attributes:
        ladder: the search's.
        listen: told of each trial.
        poll: seconds between looks at trials that others run.
        scored: trials that ended, in the order they did here.
    """

    worker: Worker
    ladder: Ladder
    listen: Listener
    poll: float = 0.5
    scored: list[Scored] = field(default_factory=list)

    def run(self, search: Search, *, already: float = 0.0) -> None:
        """Work until the search is done.

        Args:
            already: spent before it, in full trainings.
        """
        while waiting := list(iter(search.ask, None)):
            while waiting:
                others = [trial for trial in waiting if not self._run(trial, search, already)]
                if others == waiting:
                    time.sleep(self.poll)
                waiting = others

    def _run(self, trial: Trial, search: Search, already: float) -> bool:
        """Run what of a trial is free, and tell of it once all of it has ended; whether it has."""
        found = self._attempt(trial)
        if found is None:
            return False
        search.tell(trial, found.score)
        found = dataclasses.replace(found, spent=already + search.spent_on(trial))
        self.scored.append(found)
        self.listen(found)
        return True

    def _attempt(self, trial: Trial) -> Scored | None:
        """Run what of a trial is free; None where others still run a part of it."""
        rung = self.ladder.rungs[trial.rung]
        parts = [
            self.worker.run(trial.model, epochs=rung.epochs, seed=seed)
            for seed in range(rung.seeds)
        ]
        done = [part for part in parts if not isinstance(part, Taken)]
        if len(done) < len(parts):
            return None
        failures = [part.failure for part in done if part.failure]
        by_seed = () if failures else tuple(map(self._best, done))
        return Scored(
            trial.model,
            trial.rung,
            float(np.mean(by_seed)) if by_seed else None,
            by_seed,
            spent=0.0,
            seconds=sum(sum(part.seconds.values()) for part in done),
            error=f"{failures[0].type}: {failures[0].text}" if failures else None,
        )

    def _best(self, done: Done) -> float:
        """Validation at the best epoch, higher is better."""
        evaluator = self.worker.evaluator
        return float(np.nanmax(evaluator.sign * np.array(done.validation[evaluator.metric])))
