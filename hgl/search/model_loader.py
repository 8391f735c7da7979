"""Batches of which each is drawn by a graph model at random."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.graph.loader import SeedLoader, Seeds
from hgl.graph.prefetch import prefetched
from hgl.search.model import GraphModel
from hgl.search.union_graph import UnionGraph


class ModelLoader:
    """Iterates over a loader's seeds, each batch drawn by another graph model of a space.

    The model of a batch depends on the loader's seed, the epoch and the step alone.

    Args:
        loader: decides seeds, order and sampling.
        union: draws the models, each as likely as any other.
    """

    def __init__(self, loader: SeedLoader, union: UnionGraph) -> None:
        self.loader, self.union = loader, union

    @property
    def seeds(self) -> Seeds:
        """The seed table."""
        return self.loader.seeds

    def __len__(self) -> int:
        """Batches per epoch, the same for every process."""
        return len(self.loader)

    def set_epoch(self, epoch: int, step: int = 0) -> None:
        """Let the next iteration be that of `epoch`, from batch `step` on."""
        self.loader.set_epoch(epoch, step)

    def model(self, epoch: int, step: int) -> GraphModel:
        """The graph model that draws a batch."""
        return self.union.space.sample(np.random.default_rng([self.loader.seed, epoch, step]))

    def __iter__(self) -> Generator[HeteroData, None, None]:
        """Iterate over the rest of the epoch; closing the iterator ends its threads."""
        epoch, step = (self.loader.epoch if self.loader.shuffle else 0), self.loader.step
        self.set_epoch(self.loader.epoch + 1)
        steps = list(enumerate(self.loader.shards(epoch)))[step:]

        def batch(at: tuple[int, Tensor]) -> HeteroData:
            view = self.union.view(self.model(epoch, at[0]))
            return self.loader.on(view).batch(at[1], epoch)

        yield from prefetched(batch, steps, self.loader.workers)
