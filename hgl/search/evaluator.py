"""Trains a network on one graph model after another; what they share is made once."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hgl.errors import CacheError
from hgl.graph.spec import GraphSpec
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace
from hgl.tasks.metrics import METRICS
from hgl.train.predictions import score
from hgl.train.prepared import TrainedRun
from hgl.train.run import Experiment
from hgl.train.trainer import Progress, Trainer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """How a graph model did with one seed.

    Attributes:
        val: the task's metric on validation after each epoch.
        seconds: wall time of drawing and training.
        run: the model with its best epoch's weights.
    """

    val: tuple[float, ...]
    seconds: float
    run: TrainedRun


class Evaluator:
    """Evaluates graph models of one experiment.

    A result depends on the model, the epochs and the seed alone: not on what was evaluated before,
    nor by which process.

    Args:
        experiment: database, task, network and sampling. Of its own graph only `null_keys`
            matters, its trainer not at all.
        trainer: makes a trainer, given `max_epochs` and `seed`.
    Attributes:
        space: the graph models there are, as far as `sampling.num_neighbors` has hops.
    """

    def __init__(self, experiment: Experiment, trainer: Callable[..., Trainer]) -> None:
        self.experiment, self.trainer = experiment, trainer
        self.prepared = experiment.prepare()
        self.space = SpecSpace(
            self.prepared.drawn.schema,
            experiment.task.entity_table,
            len(experiment.sampling.num_neighbors),
        )

    @property
    def metric(self) -> str:
        """The task's metric, which is also what selects."""
        return self.experiment.task.metric

    @property
    def sign(self) -> int:
        """1 where a higher metric is better, -1 where a lower one is."""
        return METRICS[self.metric].sign

    def evaluate(self, model: GraphModel, *, epochs: int, seed: int, folder: Path) -> Evaluation:
        """Train on a graph model, going on from what `folder` holds of it.

        Args:
            epochs: in all, those done before included.
            folder: of this model and seed; receives checkpoints.
        Raises: HglError: what makes training fail. KeyboardInterrupt: Ctrl-C; half a training is no
            result.
        """
        begun = time.perf_counter()
        experiment = self._experiment(model, epochs, seed)
        try:
            run, progress = self._fitted(experiment, folder)
        except CacheError as error:
            log.warning("%s; training from the beginning", error)
            shutil.rmtree(folder)
            run, progress = self._fitted(experiment, folder)
        if progress.interrupted:
            raise KeyboardInterrupt
        val = tuple(row[f"val_{self.metric}"] for row in progress.history[:epochs])
        return Evaluation(val, time.perf_counter() - begun, run)

    def _fitted(self, experiment: Experiment, folder: Path) -> tuple[TrainedRun, Progress]:
        """Raises: CacheError: the checkpoints of `folder` are damaged, or not of one training."""
        folder.mkdir(parents=True, exist_ok=True)
        run = experiment.untrained(self.prepared)
        return run, experiment.fit(run, self.prepared, folder, resume=True)

    def test(self, model: GraphModel, evaluation: Evaluation, *, seed: int) -> float:
        """The metric on test of an evaluated model; not for choosing."""
        experiment = self._experiment(model, 1, seed)
        seeds, run = experiment.seeds("test"), evaluation.run
        found = experiment.trainer.predict(
            run.model, run.objective, experiment.loader(run, seeds), phase="test"
        )
        return score(seeds, self.prepared.seeds["train"], found)[self.metric]

    def _experiment(self, model: GraphModel, epochs: int, seed: int) -> Experiment:
        trainer = self.trainer(max_epochs=epochs, seed=seed)
        own = self.experiment.spec or GraphSpec()
        spec = model.to_spec(own.null_keys)
        return dataclasses.replace(self.experiment, spec=spec, trainer=trainer)
