"""What seeds see of a database, as named arrays that two databases can be compared by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from hgl.aggregates.batch import compute
from hgl.aggregates.plan import FeaturePlan
from hgl.audit.horizon import Horizon
from hgl.db.database import Database
from hgl.features.encode import encode, measure_tables
from hgl.features.statistics import TableStatistics
from hgl.features.table import TableFeatures
from hgl.graph.aggregates import referring
from hgl.graph.build import build_graph
from hgl.graph.loader import SeedLoader
from hgl.graph.sampler import Backend
from hgl.graph.spec import GraphSpec
from hgl.graph.temporal_graph import TemporalGraph
from hgl.tasks.seeds import SeedTable

Seen = Mapping[str, np.ndarray]
"""Arrays by name; those of a table begin with its name."""
NEIGHBORS = (16, 8)
"""Per hop, edges per relation: few, so that draws are made."""
_LASTS = (1, 5, 20)


class Observer(Protocol):
    """Sees what some seeds see.

    Attributes:
        name: of what is seen, such as `batch`.
        detail: which one, such as the graph and the sampler.
    """

    @property
    def name(self) -> str: ...
    @property
    def detail(self) -> str: ...
    def looks(self, horizon: Horizon) -> bool:
        """Whether it can say anything about a horizon's seeds."""

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        """Return what the horizon's seeds see of `db`."""


@dataclass(frozen=True)
class Batches:
    """All that a network reads: a batch of `SeedLoader`, aggregates of each seed's past included.

    Attributes:
        drawn: what the graph is called.
        statistics: of training; columns are encoded with them.
    """

    spec: GraphSpec
    drawn: str
    backend: Backend
    statistics: Mapping[str, TableStatistics]
    name = "batch"

    @property
    def detail(self) -> str:
        return f"{self.drawn}, {self.backend} sampler"

    def looks(self, horizon: Horizon) -> bool:
        return True

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        graph, features = build_graph(db, self.spec), encode(db, self.statistics)
        features |= dict.fromkeys(self.spec.sinks, TableFeatures.empty(1))
        return {
            f"{policy} {name}": array
            for policy, seeds in horizon.asked.items()
            for name, array in self._batch(graph, features, seeds)
        }

    def _batch(
        self, graph: TemporalGraph, features: Mapping[str, TableFeatures], seeds: SeedTable
    ) -> Iterator[tuple[str, np.ndarray]]:
        loader = SeedLoader(
            graph,
            seeds,
            num_neighbors=NEIGHBORS,
            batch_size=len(seeds),
            workers=0,
            backend=self.backend,
            features=features,
            aggregates=_LASTS if referring(graph, seeds.task.entity_table) else None,
        )
        (batch,) = loader
        for store in batch.stores:
            key = store._key
            place = key if isinstance(key, str) else " ".join(key or ["batch"])
            yield from _arrays(place, dict(store.items()))


@dataclass(frozen=True)
class Columns:
    """The compiled columns of seeds, which students and boosted trees read, in single precision.

    DuckDB adds in an order that depends on how many rows come later, so that the last bits of a sum
    of fractions in double precision differ, and tell nothing.
    """

    plan: FeaturePlan
    name = "columns"

    @property
    def detail(self) -> str:
        return f"{len(self.plan.features)} aggregates"

    def looks(self, horizon: Horizon) -> bool:
        return True

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        plan = dataclasses.replace(self.plan, cut=horizon.cut)
        found = compute(db, plan, horizon.together)
        single = found.numerical.astype(np.float32)
        numbers = {f.name: single[:, i] for i, f in enumerate(plan.numerical)}
        texts = {f.name: found.categorical[:, i] for i, f in enumerate(plan.categorical)}
        return numbers | texts


@dataclass(frozen=True)
class Statistics:
    """What encoders learn of every column: from rows no later than the validation timestamp."""

    until: int
    hidden: tuple[tuple[str, str], ...]
    name = "statistics"
    detail = "of every column"

    def looks(self, horizon: Horizon) -> bool:
        """Rows at the validation timestamp count, so they must be among those that stay."""
        return horizon.last >= self.until

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        measured = measure_tables(db, stats_until=self.until, hidden=self.hidden)
        return {
            f"{table}.{part}": np.array([repr(sorted(value.items()))])
            for table, found in measured.items()
            for part, value in vars(found).items()
            if isinstance(value, dict)
        }


def _arrays(path: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Every array below a value, by its place."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _arrays(f"{path}.{key}".lstrip("."), inner)
    elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
        for number, inner in enumerate(value):
            yield from _arrays(f"{path}.{number}", inner)
    elif isinstance(value, Tensor):
        yield path, value.numpy(force=True)
    else:
        yield path, np.array(value if isinstance(value, int | str) else repr(value))
