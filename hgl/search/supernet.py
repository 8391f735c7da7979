"""One network for every graph model of a space: trained once, it ranks them all."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hgl.errors import ConfigError
from hgl.search.evaluator import Evaluator
from hgl.search.model import GraphModel
from hgl.search.model_loader import ModelLoader
from hgl.search.union_graph import UnionGraph
from hgl.tasks.metrics import evaluate
from hgl.train.prepared import TrainedRun
from hgl.train.run import Experiment
from hgl.train.trainer import Progress, Trainer


class Supernet:
    """Weights for all that the graph models of a space draw, shared by these (arXiv:1904.00420).

    Each step trains on a graph model drawn at random. A model's score is then what these weights
    reach on validation where that model draws the batches: no training of its own, hence cheap,
    and good for an order rather than for a value.

    Args:
        evaluator: its experiment and space; what it has prepared is shared.
        trainer: makes a trainer, given `max_epochs` and `seed`; the evaluator's by default.
        batch_size: seeds per training step, hence how many models an epoch sees; the experiment's
            by default.
    Attributes:
        run: the network as trained; None before `fit`.
        fit_seconds: wall time of `fit`.
        score_seconds: wall time of all calls of `score`.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        trainer: Callable[..., Trainer] | None = None,
        *,
        batch_size: int | None = None,
    ) -> None:
        self.evaluator, self.trainer = evaluator, trainer or evaluator.trainer
        self.batch_size = batch_size or evaluator.experiment.sampling.batch_size
        prepared = evaluator.prepared
        self.union = UnionGraph(prepared.drawn, evaluator.space, prepared.store)
        self.run: TrainedRun | None = None
        self.fit_seconds = self.score_seconds = 0.0

    def fit(self, *, epochs: int, seed: int, folder: Path) -> Progress:
        """Train, going on from what `folder` holds of it.

        Nothing is validated: the last epoch's weights are kept, since those that are best for all
        models on average have not yet learnt to tell them apart.

        Args:
            epochs: in all, those done before included; a batch trains one model, so it takes many
                more than a model of its own does.
            folder: of this supernet and seed; receives checkpoints.
        Raises: HglError: what makes training fail.
        """
        folder.mkdir(parents=True, exist_ok=True)
        begun, prepared = time.perf_counter(), self.evaluator.prepared
        experiment = self._experiment(epochs, seed, self.batch_size)
        run = experiment.untrained(prepared, self.union.graph)
        train = experiment.loader(run, prepared.seeds["train"], shuffle=True)
        progress = experiment.trainer.fit(
            run.model,
            run.objective,
            ModelLoader(train, self.union),
            None,
            metric=self.evaluator.metric,
            folder=folder,
            resume=True,
        )
        if progress.interrupted:
            raise KeyboardInterrupt
        self.run, self.fit_seconds = run, time.perf_counter() - begun
        return progress

    def score(self, models: Sequence[GraphModel]) -> np.ndarray:
        """Score graph models on validation, without training.

        Returns: [models] float64, the task's metric, negated where lower is better.
        Raises: ConfigError: `fit` has not run.
        """
        if self.run is None:
            raise ConfigError("the supernet has no weights yet: expected `fit` before `score`")
        begun, seeds = time.perf_counter(), self.evaluator.prepared.seeds["val"]
        run, experiment = self.run, self._experiment(1, 0)
        loader, scores = experiment.loader(run, seeds), []
        for model in models:
            batches = loader.on(self.union.view(model))
            found = experiment.trainer.predict(run.model, run.objective, batches)
            kind, answers = run.objective.kind, seeds.answers
            scores.append(evaluate(kind, answers, found)[self.evaluator.metric])
        self.score_seconds += time.perf_counter() - begun
        return self.evaluator.sign * np.array(scores)

    def _experiment(self, epochs: int, seed: int, batch_size: int | None = None) -> Experiment:
        made = self.evaluator.experiment
        trainer = self.trainer(max_epochs=epochs, seed=seed)
        sampling = made.sampling
        if batch_size is not None:
            sampling = dataclasses.replace(sampling, batch_size=batch_size)
        return dataclasses.replace(made, trainer=trainer, sampling=sampling)
