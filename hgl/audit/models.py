"""What a graph network says of seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from hgl.audit.case import Case
from hgl.audit.horizon import Horizon
from hgl.audit.observer import NEIGHBORS, Seen
from hgl.db.database import Database
from hgl.features.statistics import TableStatistics
from hgl.graph.spec import GraphSpec
from hgl.train.prepared import TrainedRun
from hgl.train.recommendation import experiment as experiment_for
from hgl.train.run import Experiment, ModelFactory, Sampling
from hgl.train.trainer import Trainer


@dataclass(frozen=True)
class Predictions:
    """Predictions of one model, trained or not, on whatever database it is shown.

    Attributes:
        experiment: how it samples.
        run: the model, and what it reads of the experiment's own database.
        statistics: of training; columns are encoded with them.
        trained: whether somebody trained it.
    """

    experiment: Experiment
    run: TrainedRun
    statistics: Mapping[str, TableStatistics]
    trained: bool
    name = "predictions"

    @property
    def detail(self) -> str:
        network = getattr(self.run.model, "gnn", self.run.model)
        return f"{type(network).__name__}, {'trained' if self.trained else 'untrained'}"

    def looks(self, horizon: Horizon) -> bool:
        """Compiled columns are made for one cut."""
        columns = self.run.columns
        return columns is None or columns.plan.cut == horizon.cut

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        experiment = dataclasses.replace(self.experiment, db=db)
        run = experiment.reread(self.run, self.statistics)
        return {
            f"{policy} prediction": experiment.trainer.predict(
                run.model, run.objective, experiment.loader(run, seeds)
            )
            for policy, seeds in horizon.asked.items()
        }


def untrained(case: Case, model: ModelFactory, spec: GraphSpec) -> Predictions:
    """Return a network with weights at random, the same ones each time.

    Raises: HglError: labels, graph or model cannot be made.
    """
    experiment = experiment_for(
        task=case.task,
        db=case.db,
        model=model,
        trainer=Trainer(device="cpu"),
        sampling=Sampling(num_neighbors=NEIGHBORS),
        spec=spec,
        policy=case.policy,
        cut=case.cut,
    )
    prepared = experiment.prepare()
    run = experiment.untrained(prepared)
    return Predictions(experiment, run, prepared.statistics, trained=False)
