"""Seeds that share a time, with the destinations that may be recommended to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.graph.draws import random_keys
from hgl.graph.loader import SeedLoader
from hgl.graph.sample import NumNeighbors
from hgl.graph.temporal_graph import TemporalGraph

_PICKED = 3
"""What random keys are for, beside those of `SeedLoader`."""


class PairLoader(SeedLoader):
    """A `SeedLoader` whose batches have one seed time each, and destinations at that time.

    Such a batch also has `destinations`, itself a batch of `SeedLoader` whose seeds are the
    destinations to be scored, at the same time; and, on the entity table's part, for labelled
    seeds, `y` ([B, C] float32, 1 where seed i is linked to destination j).

    Args:
        graph: the graph.
        seeds: rows, times and, where known, `Lists` of destination rows as targets.
        candidates: the destinations that may be recommended, at every time of `seeds`; ordered by
            time, then row (see `hgl.tasks.candidates`).
        destination_neighbors: fan-out of the destinations' own neighbourhoods.
        most: where more destinations could be recommended, a training batch scores those that its
            seeds are linked to and as many others, drawn at random, as make this number; None for
            all. Without shuffling all are scored.
        aggregates: as for `SeedLoader`, of seeds and of destinations.
        arguments: of `SeedLoader`.
    """

    def __init__(
        self,
        graph: TemporalGraph,
        seeds: Any,
        candidates: Any,
        *,
        destination_neighbors: NumNeighbors,
        most: int | None = None,
        aggregates: Sequence[int] | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(graph, replace(seeds, target=None), aggregates=aggregates, **arguments)
        self.seeds, self.most = seeds, most
        self._linked: Any = seeds.target
        shared = {name: arguments[name] for name in _SHARED & arguments.keys()}
        self.destinations = SeedLoader(
            graph,
            candidates,
            num_neighbors=destination_neighbors,
            aggregates=aggregates,
            **{**shared, "features": self.features},
        )
        self._candidate_rows, self._candidate_times = candidates.entity, candidates.time
        self._groups = [np.flatnonzero(seeds.time == moment) for moment in np.unique(seeds.time)]

    def __len__(self) -> int:
        """Batches per epoch, the same for every process."""
        return sum(-(-len(group) // self.batch_size) for group in self._groups)

    def shards(self, epoch: int) -> list[Tensor]:
        """This process's seeds in each batch; a process without any repeats another's."""
        device = self._rows.device
        batches = []
        for group in self._groups:
            order = torch.as_tensor(group, device=device)
            if self.shuffle:
                order = order[random_keys(self.seed, epoch, order).argsort()]
            batches += order.split(self.batch_size)
        if self.shuffle:
            turn = random_keys(self.seed, epoch, torch.arange(len(batches)), _PICKED).argsort()
            batches = [batches[i] for i in turn.tolist()]
        return [self._share(batch) for batch in batches]

    def batch(self, positions: Tensor, epoch: int) -> HeteroData:
        """Make the batch of some seeds of one time ([B] int64 positions in the seed table)."""
        batch = super().batch(positions, epoch)
        asked = positions.cpu().numpy()
        scored = self._scored(asked, epoch)
        at = torch.as_tensor(scored, device=positions.device)
        batch.destinations = self.destinations.batch(at, epoch)
        if self._linked is not None:
            rows = np.broadcast_to(self._candidate_rows[scored], (len(asked), len(scored)))
            linked = torch.as_tensor(self._linked[asked].holds(rows), dtype=torch.float32)
            batch[self.entity_table].y = linked.to(positions.device)
        return batch

    def _share(self, batch: Tensor) -> Tensor:
        own = batch.tensor_split(self.world_size)[self.rank]
        return own if len(own) else batch[self.rank % len(batch)][None]

    def _scored(self, asked: np.ndarray, epoch: int) -> np.ndarray:
        """Ascending positions among the candidates."""
        moment = self.seeds.time[asked[0]]
        first, last = np.searchsorted(self._candidate_times, [moment, moment + 1])
        every = np.arange(first, last)
        if not self.shuffle or self.most is None or len(every) <= self.most:
            return every
        linked = np.isin(self._candidate_rows[every], self._linked[asked].values)
        keys = random_keys(self.seed + int(asked[0]), epoch, torch.as_tensor(every), _PICKED)
        # Linked ones first, then the others by lot.
        order = np.lexsort((keys.numpy(), ~linked))
        return np.sort(every[order[: max(self.most, int(linked.sum()))]])


_SHARED = {"strategy", "window", "seed", "workers", "threads", "backend", "features"}
"""What destinations are sampled like their seeds by."""
