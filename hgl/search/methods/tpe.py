"""Optuna's tree-structured Parzen estimator on what each table is."""

from __future__ import annotations

import importlib
import math
from types import ModuleType
from typing import Any

import numpy as np

from hgl.errors import MissingExtra, check_range
from hgl.search.method import Method, Rounds, Worth
from hgl.search.model import GraphModel
from hgl.search.reach import Reach
from hgl.search.space import SpecSpace

PROPOSALS = 50
"""In a row without a new model, before one is drawn at random."""
Proposal = tuple[Any, GraphModel]
"""Optuna's trial and the model it stands for."""


class Tpe(Method):
    """One categorical choice per table that may be edges, and per other foreign key.

    A proposal is pruned to what the entity table reaches. One that does not fit the task is told as
    pruned, which Optuna takes for the worst, and so is a failed trial; one that was scored before
    is told its score again.

    Args:
        batch: models of a round; the estimator knows nothing of the others in it.
        start: random proposals before the estimator.
    Raises: MissingExtra: Optuna is absent. ConfigError: a setting is out of range.
    """

    def __init__(
        self, space: SpecSpace, *, batch: int = 1, start: int = 10, **settings: Any
    ) -> None:
        super().__init__(space, **settings)
        check_range("batch", batch, 1)
        check_range("start", start, 0)
        self.batch = batch
        self.start = start
        self.optuna = load_optuna()
        self.choices = choices(space.reach)
        self.kinds = {
            name: self.optuna.distributions.CategoricalDistribution(range(len(states)))
            for name, states in self.choices.items()
        }

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng, worth = self.rng(), Worth()
        sampler = self.optuna.samplers.TPESampler(seed=self.seed, n_startup_trials=self.start)
        study = self.optuna.create_study(direction="maximize", sampler=sampler)
        while len(worth) < self.space.count:
            proposed = self.propose(study, worth) or [self.draw(study, worth, rng)]
            worth |= yield from self.ask(model for _, model in proposed)
            for trial, model in proposed:
                self.tell(study, trial, worth[model])

    def propose(self, study: Any, worth: Worth) -> list[Proposal]:
        """Return proposals of new models, at most `batch`; none after many in a row of others."""
        found: list[Proposal] = []
        for _ in range(PROPOSALS):
            trial = study.ask(self.kinds)
            model = self.model(trial.params)
            if model in worth or not self.space.is_valid(model):
                self.tell(study, trial, worth.get(model, -math.inf))
                continue
            found.append((trial, model))
            if len(found) == self.batch:
                break
        return found

    def draw(self, study: Any, worth: Worth, rng: np.random.Generator) -> Proposal:
        """Return an untried model as if it had been proposed."""
        untried = [model for model in self.space if model not in worth]
        model = untried[int(rng.integers(len(untried)))]
        study.enqueue_trial(self.params(model))
        return study.ask(self.kinds), model

    def tell(self, study: Any, trial: Any, score: float) -> None:
        """Tell a score, or that the trial failed."""
        if math.isfinite(score):
            study.tell(trial, score)
        else:
            study.tell(trial, state=self.optuna.trial.TrialState.PRUNED)

    def model(self, params: dict[str, int]) -> GraphModel:
        """Return the canonical model of the chosen states."""
        mask = sum(self.choices[name][state] for name, state in params.items())
        return GraphModel(mask, self.space.reach).canonical()

    def params(self, model: GraphModel) -> dict[str, int]:
        """Return the states that stand for a canonical model."""
        return {
            name: states.index(model.mask & int(np.bitwise_or.reduce(states)))
            for name, states in self.choices.items()
        }


def choices(reach: Reach) -> dict[str, list[int]]:
    """Return the masks to choose from: per table that may be edges, and per other key.

    What the entity table never reaches is left out.
    """
    encoding, found = reach.encoding, dict[str, list[int]]()
    for link in encoding.edges.values():
        first, second = encoding.own[link.table]
        found[str(link)] = [0, first, second, first | second, link.bit]
    for (table, _), link in encoding.fkeys.items():
        if table not in encoding.edges:
            found[str(link)] = [0, link.bit]
    seen = {name: sorted({m & reach.everything for m in masks}) for name, masks in found.items()}
    return {name: masks for name, masks in seen.items() if len(masks) > 1}


def load_optuna() -> ModuleType:
    """Import Optuna, and let it report warnings only. Raises: MissingExtra: it is absent."""
    try:
        optuna = importlib.import_module("optuna")
    except ImportError:
        raise MissingExtra("Optuna", "search", "searching by TPE") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
