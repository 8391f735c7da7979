"""A search from its settings to its result: explore, confirm the best, then look at test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from hgl.errors import TrainingError
from hgl.search.driver import Driver, Listener
from hgl.search.effort import Effort
from hgl.search.evaluator import Evaluator
from hgl.search.evidence import Screen
from hgl.search.listed import Listed
from hgl.search.method import Method
from hgl.search.model import GraphModel
from hgl.search.report import HeldOut, Result
from hgl.search.search import Entry, Search
from hgl.search.store import TrialStore
from hgl.search.supernet import Supernet
from hgl.search.trial_record import SearchIdentity
from hgl.search.worker import Worker
from hgl.train.run import Experiment
from hgl.train.trainer import Trainer


@dataclass(frozen=True)
class SearchPlan:
    """A search; any process that has the plan can work at it.

    The method explores; then the finalists and all rows as nodes are trained with all final seeds,
    and the best of them on validation is chosen. Test is looked at for the choice and for all rows
    as nodes, once.

    Attributes:
        experiment: database, task, network, sampling.
        trainer: makes a trainer, given `max_epochs` and `seed`.
        method: makes the method, given the space, the ladder and a seed.
        effort: how much is trained.
        seed: of the method.
        settings: hash of network, trainer and sampling (see `TrialKey`).
        where: the store of trials: a file, or a URL.
        folder: of the search; receives checkpoints.
        name: of the search in the store.
        lease: seconds without a sign of life after which a worker's trial is another's.
    """

    experiment: Experiment
    trainer: Callable[..., Trainer]
    method: Callable[..., Method]
    effort: Effort
    seed: int
    settings: str
    where: str
    folder: Path
    name: str
    lease: float = 60.0

    def conduct(self, listen: Listener) -> tuple[Worker, Result]:
        """Work at the search until all its trials have ended; no test metric is read.

        Raises: CacheError: the store has another search of this name. TrainingError: every trial
            failed.
        """
        evaluator = Evaluator(self.experiment, self.trainer)
        store = TrialStore(self.where, lease=self.lease)
        worker = Worker(store, evaluator, self.settings, self.folder / "models")
        worker.store.open_search(self._identity(worker), self.name)
        space, driver = evaluator.space, Driver(worker, self.effort.final_ladder, listen)
        method = self.method(space, ladder=self.effort.ladder, seed=self.seed, **self._hint(worker))
        explore = Search(method, self.effort.ladder, self.effort.exploration)
        driver.run(explore)
        default = space.all_rows if space.is_valid(space.all_rows) else None
        models = finalists(explore.history, self.effort.finalists, default)
        listed = Listed(space, models, ladder=self.effort.final_ladder)
        most = self.effort.budget + len(models) * self.effort.final_ladder.rungs[-1].seeds
        final = Search(listed, self.effort.final_ladder, most, reached=explore.reached)
        driver.run(final, already=explore.spent)
        if (winner := final.best) is None:
            errors = [trial.error for trial in driver.scored if trial.error]
            raise TrainingError(f"every graph model failed, the last with: {errors[-1]}")
        ladder, scored = self.effort.final_ladder, tuple(driver.scored)
        return worker, Result(scored, ladder, evaluator.metric, winner.model, default)

    def _hint(self, worker: Worker) -> dict[str, Screen]:
        """The scores of a supernet, where one is asked for: every process trains its own, alike."""
        if not self.effort.supernet:
            return {}
        supernet = Supernet(worker.evaluator)
        folder = self.folder / "supernet" / worker.name
        supernet.fit(epochs=self.effort.supernet, seed=self.seed, folder=folder)
        return {"screen": supernet.score}

    def hold_out(self, worker: Worker, result: Result) -> Result:
        """Look at test, of the winner and of all rows as nodes, with every final seed."""
        tested = {
            model: tuple(self._test(worker, model, seed) for seed in range(self.effort.final_seeds))
            for model in dict.fromkeys([result.winner, result.default])
            if model is not None
        }
        default = None if result.default is None else tested[result.default]
        held_out = HeldOut(tested[result.winner], default)
        return dataclasses.replace(result, held_out=held_out)

    def _test(self, worker: Worker, model: GraphModel, seed: int) -> float:
        """Test with a model's weights, higher is better."""
        evaluator, epochs = worker.evaluator, self.effort.ladder.rungs[-1].epochs
        folder = worker.folder_of(worker.key(model, epochs=epochs, seed=seed))
        found = evaluator.evaluate(model, epochs=epochs, seed=seed, folder=folder)
        return evaluator.sign * evaluator.test(model, found, seed=seed)

    def _identity(self, worker: Worker) -> SearchIdentity:
        evaluator = worker.evaluator
        key = worker.key(evaluator.space[0], epochs=1, seed=0)
        reach = evaluator.space.reach
        return SearchIdentity(
            database=key.database,
            task=key.task,
            space=f"{reach.entity_table}, {reach.num_hops} hops",
            settings=self.settings,
            ladder=str(self.effort.rungs),
            metric=evaluator.metric,
        )


def finalists(history: Sequence[Entry], count: int, default: GraphModel | None) -> list[GraphModel]:
    """Return the best models of a search, best first, and the default where it is not among them.

    Judged as `best` does: by score among those of the highest rung reached.
    """
    scored = [entry for entry in history if entry[1] is not None]
    reached = max((trial.rung for trial, _, _ in scored), default=0)
    top = [(score, trial.model) for trial, score, _ in scored if trial.rung == reached]
    top.sort(key=itemgetter(0), reverse=True)
    models = [model for _, model in top[:count]]
    return list(dict.fromkeys([*models, *([default] if default else [])]))
