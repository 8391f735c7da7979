"""An experiment that learns to recommend: the same steps, on pairs of seeds and destinations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from hgl.errors import ConfigError
from hgl.features.table import TableFeatures
from hgl.graph.aggregates import SeedAggregates
from hgl.graph.fan_out import fan_out
from hgl.graph.loader import SeedLoader
from hgl.graph.pair_loader import PairLoader
from hgl.graph.temporal_graph import TemporalGraph
from hgl.models.recommender import Recommender
from hgl.tasks.candidates import candidates
from hgl.tasks.destination import Destination
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.compiled_columns import CompiledColumns
from hgl.train.prepared import TrainedRun
from hgl.train.ranking import Recommendation
from hgl.train.run import Experiment, takes


def experiment(*, task: Task, **parts: Any) -> Experiment:
    """Return the experiment of a graph network that can learn `task`, made of `parts`."""
    kind = Experiment if task.destination is None else RecommendationExperiment
    return kind(task=task, **parts)


@dataclass
class RecommendationExperiment(Experiment):
    """A database, a recommendation task and how to learn it; the model is a `Recommender`.

    Raises: ConfigError: the model is for another kind of task, or an option has no meaning here.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not takes(self.model, "destination_table"):
            raise ConfigError(
                f"{self.task} recommends rows: expected a recommender such as model=idgnn or "
                "model=two-tower"
            )
        without = {
            "history": self.history,
            "columns": self.columns is not None,
            "trainer.positive_weight": self.trainer.positive_weight is not None,
        }
        if given := [name for name, set_ in without.items() if set_]:
            raise ConfigError(f"{given[0]}: expected none for a recommendation task")

    @property
    def destination(self) -> Destination:
        """What is recommended."""
        return cast("Destination", self.task.destination)

    def loader(self, run: TrainedRun, seeds: SeedTable, *, shuffle: bool = False) -> SeedLoader:
        """Batches of `seeds` and of the destinations known at their times; see `Experiment`."""
        sampling = self.sampling
        own = fan_out(run.graph, sampling.num_neighbors, sampling.edge_fan_out)
        reads = cast("Recommender", run.model).reads_destination_neighbors
        return PairLoader(
            run.graph,
            seeds,
            candidates(seeds, self.db),
            num_neighbors=own,
            destination_neighbors=own if reads else [0],
            most=sampling.most_destinations,
            **self._sampling(run, shuffle=shuffle),
        )

    def _built(
        self,
        graph: TemporalGraph,
        features: Mapping[str, TableFeatures],
        train: SeedTable,
        columns: CompiledColumns | None,
    ) -> TrainedRun:
        table = self.destination.dst_entity_table
        built = self.model(
            **self._model_arguments(graph, features),
            **self._widths(graph, features),
            destination_table=table,
            num_destinations=graph.num_nodes.get(table, 0),
            eval_k=self.destination.eval_k,
        )
        model = cast("Recommender", built)
        objective = Recommendation(model.loss, self.destination.eval_k)
        return TrainedRun(model, objective, graph, features)

    def _widths(
        self, graph: TemporalGraph, features: Mapping[str, TableFeatures]
    ) -> dict[str, int]:
        lasts = self.sampling.aggregates
        if lasts is None:
            return {}
        ends = {
            "num_aggregates": self.task.entity_table,
            "num_destination_aggregates": self.destination.dst_entity_table,
        }
        return {
            name: SeedAggregates(graph, table, features, lasts).width
            for name, table in ends.items()
        }
