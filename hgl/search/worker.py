"""Runs trials of a store: claims one, trains, keeps the result or the error."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

from hgl.db.cache import disk_errors
from hgl.errors import SourceError
from hgl.search.evaluator import Evaluation, Evaluator
from hgl.search.model import GraphModel
from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim, Done, Taken, TrialKey


@dataclass(frozen=True)
class Worker:
    """One process's part in a search.

    Attributes:
        store: where trials are claimed and results kept; shared by all workers.
        settings: hash of the network and of how it is trained (see `TrialKey`).
        folder: of checkpoints, from which more epochs of the same model go on.
        with_test: also score test, for `TrialStore.reveal`; a search has no use for it.
        name: who claims.
    """

    store: TrialStore
    evaluator: Evaluator
    settings: str
    folder: Path
    with_test: bool = False
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")

    def key(self, model: GraphModel, *, epochs: int, seed: int) -> TrialKey:
        """What the result of a trial is kept under."""
        prepared, reach = self.evaluator.prepared, self.evaluator.space.reach
        return TrialKey(
            prepared.drawn.fingerprint,
            prepared.seeds["train"].fingerprint,
            model.to_bits(),
            reach.num_hops,
            self.settings,
            seed,
            epochs,
        )

    def folder_of(self, key: TrialKey) -> Path:
        """Where a trial's checkpoints are."""
        return self.folder / f"{key.bits}-{key.seed}"

    def run(self, model: GraphModel, *, epochs: int, seed: int) -> Done | Taken:
        """Run a trial, unless it has run or another worker is at it.

        A failure is kept, and is no error here; what the disk or the store refuses is one, as other
        trials would meet it, too.
        """
        key = self.key(model, epochs=epochs, seed=seed)
        claim = self.store.claim(key, self.name)
        if not isinstance(claim, Claim):
            return claim
        try:
            with disk_errors(self.folder), self.store.holding(claim):
                self._run(claim, model)
        except (KeyboardInterrupt, OSError, SourceError):
            self.store.release(claim)
            raise
        except Exception as error:
            self.store.fail(claim, error)
        return self.store.result(key) or Taken(key, "another worker", 0.0)

    def _run(self, claim: Claim, model: GraphModel) -> None:
        key, evaluator = claim.key, self.evaluator
        found = evaluator.evaluate(
            model, epochs=key.epochs, seed=key.seed, folder=self.folder_of(key)
        )
        metric, test = evaluator.metric, None
        if self.with_test:
            test = {metric: self._test(found, model, key.seed)}
        seconds = {"training": found.seconds}
        self.store.finish(claim, {metric: found.val}, seconds, test)

    def _test(self, found: Evaluation, model: GraphModel, seed: int) -> list[float]:
        """Test at the best epoch, whose weights are the only ones left; NaN elsewhere."""
        best = max(range(len(found.val)), key=lambda e: self.evaluator.sign * found.val[e])
        value = self.evaluator.test(model, found, seed=seed)
        return [value if epoch == best else float("nan") for epoch in range(len(found.val))]
