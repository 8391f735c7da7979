"""A search from its settings to its result: explore, confirm the best, then look at test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from hgl.errors import ConfigError, TrainingError, check_range
from hgl.search.driver import Driver, Listener
from hgl.search.evaluator import Evaluator
from hgl.search.listed import Listed
from hgl.search.method import Method
from hgl.search.model import GraphModel
from hgl.search.report import HeldOut, Result
from hgl.search.search import Entry, Search
from hgl.search.store import TrialStore
from hgl.search.trial import Ladder, Rung
from hgl.search.trial_record import SearchIdentity
from hgl.search.worker import Worker
from hgl.train.run import Experiment
from hgl.train.trainer import Trainer


@dataclass(frozen=True)
class SearchPlan:
    """A search; any process that has the plan can work at it.

    The method explores with what the budget leaves; then the finalists and all rows as nodes are
    trained with `final_seeds` seeds, and the best of them on validation is chosen. Test is looked
    at for the choice and for all rows as nodes, once.

    Attributes:
        experiment: database, task, network, sampling.
        trainer: makes a trainer, given `max_epochs` and `seed`.
        method: makes the method, given the space, the ladder and a seed.
        rungs: (epochs, seeds) that exploration can train a model for, ascending.
        budget: full trainings in all, of the epochs of the last rung.
        finalists: how many of the best models are trained with all final seeds.
        final_seeds: trainings of each finalist.
        seed: of the method.
        settings: hash of network, trainer and sampling (see `TrialKey`).
        where: the store of trials: a file, or a URL.
        folder: of the search; receives checkpoints.
        name: of the search in the store.
    Raises: ConfigError: a number is out of range, or finalists leave nothing to explore with.
    """

    experiment: Experiment
    trainer: Callable[..., Trainer]
    method: Callable[..., Method]
    rungs: tuple[tuple[int, int], ...]
    budget: float
    finalists: int
    final_seeds: int
    seed: int
    settings: str
    where: str
    folder: Path
    name: str

    def __post_init__(self) -> None:
        check_range("finalists", self.finalists, 1)
        check_range("final_seeds", self.final_seeds, 1)
        check_range("budget", self.budget, 0)
        if self.exploration <= 0:
            raise ConfigError(
                f"budget={self.budget:g}: expected more than the {self._finals:g} trainings that "
                f"finalists={self.finalists} and final_seeds={self.final_seeds} take"
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
        return self.budget - self._finals

    @property
    def _finals(self) -> float:
        """Trainings that finalists take when each was explored at the last rung."""
        more = self.final_ladder.rungs[-1].seeds - self.ladder.rungs[-1].seeds
        return float((self.finalists + 1) * more)

    def conduct(self, listen: Listener) -> tuple[Worker, Result]:
        """Work at the search until all its trials have ended; no test metric is read.

        Raises: CacheError: the store has another search of this name. TrainingError: every trial
            failed.
        """
        evaluator = Evaluator(self.experiment, self.trainer)
        worker = Worker(TrialStore(self.where), evaluator, self.settings, self.folder / "models")
        worker.store.open_search(self._identity(worker), self.name)
        space, driver = evaluator.space, Driver(worker, self.final_ladder, listen)
        method = self.method(space, ladder=self.ladder, seed=self.seed)
        explore = Search(method, self.ladder, self.exploration)
        driver.run(explore)
        default = space.all_rows if space.is_valid(space.all_rows) else None
        models = finalists(explore.history, self.finalists, default)
        listed = Listed(space, models, ladder=self.final_ladder)
        most = self.budget + len(models) * self.final_ladder.rungs[-1].seeds
        final = Search(listed, self.final_ladder, most, reached=explore.reached)
        driver.run(final, already=explore.spent)
        if (winner := final.best) is None:
            errors = [trial.error for trial in driver.scored if trial.error]
            raise TrainingError(f"every graph model failed, the last with: {errors[-1]}")
        scored = tuple(driver.scored)
        return worker, Result(scored, self.final_ladder, evaluator.metric, winner.model, default)

    def hold_out(self, worker: Worker, result: Result) -> Result:
        """Look at test, of the winner and of all rows as nodes, with every final seed."""
        tested = {
            model: tuple(self._test(worker, model, seed) for seed in range(self.final_seeds))
            for model in dict.fromkeys([result.winner, result.default])
            if model is not None
        }
        default = None if result.default is None else tested[result.default]
        held_out = HeldOut(tested[result.winner], default)
        return dataclasses.replace(result, held_out=held_out)

    def _test(self, worker: Worker, model: GraphModel, seed: int) -> float:
        """Test with a model's weights, higher is better."""
        evaluator, epochs = worker.evaluator, self.ladder.rungs[-1].epochs
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
            ladder=str(self.rungs),
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
