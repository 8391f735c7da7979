"""What every recommender here is: a score per seed and destination, and the best ones of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError
from hgl.typing import NodeType

RankingLoss = Literal["bpr", "bce"]


class Recommender(nn.Module, ABC):
    """Score the destinations of a batch of `PairLoader`, or recommend the best of them.

    Args:
        destination_table: node type of the destinations.
        eval_k: recommendations per seed.
        loss: what its scores are trained by: `bpr` (that links rank before others) or `bce` (that
            each pair is or is not a link).
    Raises: ConfigError: `loss` is neither.
    """

    reads_destination_neighbors: ClassVar[bool]
    """Whether the destinations need neighbourhoods of their own."""

    def __init__(self, *, destination_table: NodeType, eval_k: int, loss: RankingLoss) -> None:
        super().__init__()
        if loss not in ("bpr", "bce"):
            raise ConfigError(f"loss={loss!r}: expected bpr or bce")
        self.destination_table, self.eval_k, self.loss = destination_table, eval_k, loss

    @abstractmethod
    def scores(self, batch: HeteroData) -> Tensor:
        """Return [batch_size, destinations of the batch] scores."""

    def forward(self, batch: HeteroData) -> Tensor:
        """Return the scores; in evaluation, [batch_size, eval_k] int64 rows of the best
        destinations, best first, -1 where there are fewer."""
        scores = self.scores(batch)
        if self.training:
            return scores
        rows = self.destinations(batch).n_id[: scores.shape[1]]
        # Among equals the lower row comes first, on every machine.
        best = scores.argsort(dim=1, descending=True, stable=True)[:, : self.eval_k]
        return F.pad(rows[best], (0, self.eval_k - best.shape[1]), value=-1)

    def destinations(self, batch: HeteroData) -> Any:
        """The destinations' part of a batch: the first `batch_size` copies are those scored."""
        return batch.destinations[self.destination_table]


class SharedEmbedding(nn.Module):
    """A learnt vector per destination, the same for all seeds and times.

    Args:
        num_destinations: rows of the destination table.
        channels: width.
    """

    def __init__(self, num_destinations: int, *, channels: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(num_destinations, channels)
        nn.init.normal_(self.vectors.weight, std=0.1)

    def forward(self, rows: Tensor) -> Tensor:
        """[n] int64 rows to [n, channels]."""
        return self.vectors(rows)


def scatter_scores(base: Tensor, seed: Tensor, column: Tensor, scores: Tensor) -> Tensor:
    """Add scores of some pairs to a table of all.

    Args:
        base: [seeds, destinations].
        seed, column: [pairs] int64, no pair twice.
        scores: [pairs].
    Returns: [seeds, destinations].
    """
    flat = torch.zeros(base.numel(), dtype=scores.dtype, device=scores.device)
    return base + flat.index_add(0, seed * base.shape[1] + column, scores).view_as(base)
