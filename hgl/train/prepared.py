"""What an experiment reads before it trains, and what it has trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from hgl.db.database import Database
from hgl.features.statistics import TableStatistics
from hgl.features.table import TableFeatures
from hgl.graph.relations import RelationStore
from hgl.graph.temporal_graph import TemporalGraph
from hgl.tasks.seeds import SeedTable
from hgl.train.compiled_columns import CompiledColumns
from hgl.train.objective import Objective


@dataclass(frozen=True)
class TrainedRun:
    """A run's model, and the graph and features it reads."""

    model: nn.Module
    objective: Objective
    graph: TemporalGraph
    features: Mapping[str, TableFeatures]
    columns: CompiledColumns | None = None


@dataclass(frozen=True)
class Prepared:
    """What an experiment needs whatever graph it draws.

    Attributes:
        drawn: the tables that graphs are made of.
        seeds: split (`train`, `val`) to labelled seeds.
        store: every relation.
        statistics, features: of every table.
        columns: of the seeds, where they have some.
    """

    drawn: Database
    seeds: dict[str, SeedTable]
    store: RelationStore
    statistics: Mapping[str, TableStatistics]
    features: Mapping[str, TableFeatures]
    columns: CompiledColumns | None = None
