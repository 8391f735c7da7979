"""Two towers: one vector per seed, one per destination, a link where they point the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.models.recommender import RankingLoss, Recommender, SharedEmbedding
from hgl.models.relational import RelationalModel
from hgl.typing import Metadata, NodeType, TableLayout


class TwoTower(Recommender):
    """score(s, d) = <tower(s), tower(d)> + bias(d), both at the shared seed time.

    Differs from RelBench's: the towers have weights of their own, and a destination has a bias.

    Args:
        metadata, layouts, timed: of each tower; see `RelationalModel`.
        entity_table: node type of the seeds.
        destination_table: node type of the destinations.
        num_destinations: rows of the destination table.
        eval_k: recommendations per seed.
        gnn: builds the graph network from `metadata` and `channels`.
        channels: width throughout.
        num_blocks: residual blocks of the row encoder.
        dropout: probability in the row encoder.
        recompute: encode rows again in backward: less memory, about a tenth slower.
        shared_embedding: add a learnt vector per destination row to the destination's tower.
        loss: `bpr` (links rank before others) or `bce` (each pair is or is not a link).
        num_aggregates: width of the seeds' `aggregates`; 0 for none.
        num_destination_aggregates: width of the destinations'.
    Raises: as `RelationalModel` and `Recommender`.
    """

    reads_destination_neighbors = True

    def __init__(
        self,
        *,
        metadata: Metadata,
        layouts: Mapping[NodeType, TableLayout],
        timed: Sequence[NodeType],
        entity_table: NodeType,
        destination_table: NodeType,
        num_destinations: int,
        eval_k: int,
        gnn: Callable[..., nn.Module],
        channels: int = 128,
        num_blocks: int = 2,
        dropout: float = 0.0,
        recompute: bool = False,
        shared_embedding: bool = False,
        loss: RankingLoss = "bpr",
        num_aggregates: int = 0,
        num_destination_aggregates: int = 0,
    ) -> None:
        super().__init__(destination_table=destination_table, eval_k=eval_k, loss=loss)

        def tower(table: NodeType, out_channels: int, width: int) -> RelationalModel:
            return RelationalModel(
                metadata=metadata,
                layouts=layouts,
                timed=timed,
                entity_table=table,
                out_channels=out_channels,
                gnn=gnn,
                channels=channels,
                num_blocks=num_blocks,
                dropout=dropout,
                recompute=recompute,
                num_aggregates=width,
            )

        self.source = tower(entity_table, channels, num_aggregates)
        self.destination = tower(destination_table, channels + 1, num_destination_aggregates)
        self.embedding = (
            SharedEmbedding(num_destinations, channels=channels) if shared_embedding else None
        )
        self.scale = channels**-0.5

    def scores(self, batch: HeteroData) -> Tensor:
        """See `Recommender`."""
        vectors, bias = self.destination(batch.destinations).tensor_split([-1], dim=1)
        if self.embedding is not None:
            store = batch.destinations[self.destination_table]
            vectors = vectors + self.embedding(store.n_id[: len(vectors)])
        return torch.addmm(bias.T, self.source(batch), vectors.T, alpha=self.scale)
