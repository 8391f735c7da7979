"""Seeds to batches: order, shards and resumption, prepared ahead in background threads."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError
from hgl.graph.aggregates import SeedAggregates
from hgl.graph.batch import make_batch
from hgl.graph.draws import random_keys, unit
from hgl.graph.prefetch import prefetched
from hgl.graph.sample import NumNeighbors
from hgl.graph.sampler import Backend, Strategy, TemporalSampler, check_seeds
from hgl.graph.temporal_graph import Features, TemporalGraph
from hgl.mapped import read_ahead
from hgl.typing import Cut, NodeType

_ORDER, _PICKS, _LAGS = range(3)
"""What random numbers are for."""


class Seeds(Protocol):
    """What a loader asks of seeds: see `hgl.tasks.seeds.SeedTable`."""

    @property
    def task(self) -> Any: ...
    @property
    def entity(self) -> np.ndarray: ...
    @property
    def time(self) -> np.ndarray: ...
    @property
    def target(self) -> np.ndarray | None: ...
    @property
    def cut(self) -> Cut: ...
    @property
    def visible_until(self) -> int | None: ...
    @property
    def stats_until(self) -> int: ...


class SeedLoader:
    """Iterates over seeds in batches (`HeteroData`, see `make_batch`).

    The entity table's part of a batch also has `seed_time` ([B] int64 seconds), `input_id` ([B]
    int64, position in the seed table), `batch_size` (B) and, for labelled seeds, `y` ([B] or
    [B, classes], the seed table's dtype), and `aggregates` ([B, width] float32) where asked for.
    What a batch holds depends on `seed`, the epoch and its seeds alone: not on threads, processes
    or the device's speed.

    Args:
        graph: the graph; batches come on its device.
        seeds: rows, times and targets; decides cut and limit.
        num_neighbors: edges per target and hop at most, -1 for all; for every relation or per
            edge type.
        batch_size: seeds per batch, over all processes together.
        strategy: `uniform` or `last`; see `TemporalSampler`.
        window: seconds before the limit beyond which rows of timed tables are not visible.
        shuffle: draw a new order each epoch. Without it every epoch is the same, picks included.
        seed: of order, picks and lags.
        workers: threads that prepare batches ahead; 0 prepares them when they are asked for.
        threads: that share one batch's sampling.
        backend: `auto`, `numba` or `torch`.
        staleness: seconds; each seed's limit moves back by a random lag up to this, though not
            beyond the seed's own row: training then looks like predicting from a database that is
            some time behind. None leaves limits alone.
        rank, world_size: which of how many processes this is; each seed goes to exactly one.
        features: encoded columns per table; by default the graph encodes its own.
        aggregates: numbers of latest rows whose aggregates each seed has as columns (see
            `SeedAggregates`); None for no such columns.
        columns: [n, width] float32 further columns of the seeds, which join the aggregates of a
            batch; None for none.
    Raises:
        ConfigError: an argument is out of range or does not fit the graph or the seeds.
        SchemaError: the entity table, or a seed's row, is not in the graph.
        LeakageError: a seed's own row is later than its limit.
    """

    def __init__(
        self,
        graph: TemporalGraph,
        seeds: Seeds,
        *,
        num_neighbors: NumNeighbors,
        batch_size: int = 512,
        strategy: Strategy = "uniform",
        window: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        workers: int = 1,
        threads: int = 1,
        backend: Backend = "auto",
        staleness: float | None = None,
        rank: int = 0,
        world_size: int = 1,
        features: Mapping[NodeType, Features] | None = None,
        aggregates: Sequence[int] | None = None,
        columns: Tensor | None = None,
    ) -> None:
        _check_ranges(batch_size, workers, staleness, rank, world_size, len(seeds.entity))
        self.seeds, self.batch_size = seeds, batch_size
        self.shuffle, self.seed, self.workers, self.staleness = shuffle, seed, workers, staleness
        self.rank, self.world_size = rank, world_size
        self.epoch = self.step = 0
        self.entity_table: NodeType = seeds.task.entity_table
        device = graph.device
        self._rows = torch.as_tensor(seeds.entity, dtype=torch.int64, device=device)
        self._times = torch.as_tensor(seeds.time, dtype=torch.int64, device=device)
        self._targets = (
            None if seeds.target is None else torch.as_tensor(seeds.target, device=device)
        )
        limits = self._times
        if seeds.visible_until is not None:
            limits = limits.clamp(max=seeds.visible_until)
        self._limits = check_seeds(graph, self.entity_table, self._rows, limits)
        if features is None:
            features = graph.features_for(seeds.stats_until, seeds.task.remove_columns)
        self.features = {name: table.to(device) for name, table in features.items()}
        sampling: dict[str, Any] = {
            "window": window,
            "cut": seeds.cut,
            "backend": backend,
            "threads": threads,
        }
        self._sampler: Callable[[TemporalGraph], TemporalSampler] = partial(
            TemporalSampler, num_neighbors=num_neighbors, strategy=strategy, **sampling
        )
        self._aggregates: Callable[[TemporalGraph], SeedAggregates] | None = None
        if aggregates is not None:
            self._aggregates = partial(
                SeedAggregates,
                entity=self.entity_table,
                features=self.features,
                lasts=aggregates,
                **sampling,
            )
        if columns is not None and len(columns) != len(seeds.entity):
            raise ConfigError(f"columns of {len(columns)} seeds: expected {len(seeds.entity)}")
        self.columns = None if columns is None else columns.to(device)
        self.graph = graph
        # Features of somebody else's making need not say what they read.
        tables = [getattr(table, "arrays", ()) for table in self.features.values()]
        read_ahead([*graph.arrays, *chain.from_iterable(tables)])
        self.sampler, self.aggregates = self._drawing(graph)

    def on(self, graph: TemporalGraph) -> SeedLoader:
        """The same seeds, order and features with another view of the same tables."""
        other = copy.copy(self)
        other.graph = graph
        other.sampler, other.aggregates = self._drawing(graph)
        return other

    def __len__(self) -> int:
        """Batches per epoch, the same for every process."""
        whole, rest = divmod(len(self.seeds.entity), self.batch_size)
        # A last batch too small to share joins the one before, so that no process goes without.
        return whole + (rest >= self.world_size)

    def set_epoch(self, epoch: int, step: int = 0) -> None:
        """Let the next iteration be that of `epoch`, from batch `step` on.

        Each iteration sets the epoch after its own, so this is for resuming and repeating.
        """
        self.epoch, self.step = epoch, step

    def __iter__(self) -> Generator[HeteroData, None, None]:
        """Iterate over the rest of the epoch; closing the iterator ends its threads."""
        # Repeating one epoch is what makes two evaluations of a model equal.
        epoch, step = (self.epoch if self.shuffle else 0), self.step
        self.set_epoch(self.epoch + 1)
        shards = self.shards(epoch)[step:]
        yield from prefetched(lambda shard: self.batch(shard, epoch), shards, self.workers)

    def shards(self, epoch: int) -> list[Tensor]:
        """This process's seeds in each batch, as positions in the seed table."""
        order = torch.arange(len(self.seeds.entity), device=self._rows.device)
        if self.shuffle:
            order = order[random_keys(self.seed, epoch, order, _ORDER).argsort()]
        bounds = [step * self.batch_size for step in range(1, len(self))]
        return [
            batch.tensor_split(self.world_size)[self.rank] for batch in order.tensor_split(bounds)
        ]

    def batch(self, positions: Tensor, epoch: int) -> HeteroData:
        """Make the batch of some seeds ([B] int64 positions in the seed table) in an epoch."""
        rows, times = self._rows[positions], self._times[positions]
        limits = self._limits[positions]
        if self.staleness is not None:
            limits = self._lagged(positions, epoch)
        keys = random_keys(self.seed, epoch, positions, _PICKS)
        sample = self.sampler.sample(self.entity_table, rows, limits, keys=keys)
        batch = make_batch(sample, self.graph, times, self.features)
        store = batch[self.entity_table]
        store.seed_time, store.input_id, store.batch_size = times, positions, len(positions)
        if self._targets is not None:
            store.y = self._targets[positions]
        found = [] if self.aggregates is None else [self.aggregates(rows, limits, times)]
        if self.columns is not None:
            found.append(self.columns[positions])
        if found:
            store.aggregates = torch.cat(found, dim=1)
        return batch

    def _drawing(self, graph: TemporalGraph) -> tuple[TemporalSampler, SeedAggregates | None]:
        return self._sampler(graph), None if self._aggregates is None else self._aggregates(graph)

    def _lagged(self, positions: Tensor, epoch: int) -> Tensor:
        """Limits moved back at random, though not beyond the seeds' own rows."""
        assert self.staleness is not None
        lag = unit(random_keys(self.seed, epoch, positions, _LAGS)) * self.staleness
        limits = torch.minimum(self._times[positions] - lag.long(), self._limits[positions])
        own = self.graph.time[self.entity_table]
        return limits if own is None else limits.maximum(own[self._rows[positions]])


def _check_ranges(
    batch_size: int,
    workers: int,
    staleness: float | None,
    rank: int,
    world_size: int,
    num_seeds: int,
) -> None:
    for name, value, low, high in (
        ("world_size", world_size, 1, None),
        ("rank", rank, 0, world_size - 1),
        ("batch_size", batch_size, world_size, None),
        ("workers", workers, 0, None),
        ("staleness", staleness or 0, 0, None),
    ):
        if value < low or (high is not None and value > high):
            bound = f"{low} or more" if high is None else f"{low} to {high}"
            raise ConfigError(f"{name}={value}: expected {bound}")
    if num_seeds < world_size:
        raise ConfigError(f"{num_seeds} seeds: expected at least one per process ({world_size})")
