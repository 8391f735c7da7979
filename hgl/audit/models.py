"""What a graph network says of seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from hgl.audit.case import Case
from hgl.audit.horizon import Horizon
from hgl.audit.observer import NEIGHBORS, Seen
from hgl.db.database import Database
from hgl.features.statistics import TableStatistics
from hgl.graph.spec import GraphSpec
from hgl.models.id_gnn import IDGNN
from hgl.models.relational import RelationalModel
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.train.prepared import TrainedRun
from hgl.train.recommendation import experiment as experiment_for
from hgl.train.run import Experiment, ModelFactory, Sampling
from hgl.train.trainer import Trainer

_NETWORK = partial(RelationalModel, channels=64, gnn=RHGNN)
_RECOMMENDER = partial(IDGNN, channels=64, gnn=partial(HeteroGraphSAGE, num_layers=3))
"""What an untrained network is, if nobody says."""


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


def untrained(case: Case, model: ModelFactory | None, spec: GraphSpec) -> Predictions:
    """Return a network with weights at random, the same ones each time.

    Args:
        model: None takes one that can answer the task.
    Raises: HglError: labels, graph or model cannot be made.
    """
    usual = _NETWORK if case.task.destination is None else _RECOMMENDER
    experiment = experiment_for(
        task=case.task,
        db=case.db,
        model=model or usual,
        trainer=Trainer(device="cpu"),
        sampling=Sampling(num_neighbors=NEIGHBORS),
        spec=spec,
        policy=case.policy,
        cut=case.cut,
    )
    prepared = experiment.prepare()
    run = experiment.untrained(prepared)
    return Predictions(experiment, run, prepared.statistics, trained=False)
