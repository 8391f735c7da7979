"""ID-aware GNN: destinations that a seed's own neighbourhood reaches, scored where they are found.

Source: You, Gomes-Selman, Ying and Leskovec, Identity-aware graph neural networks (2021), as
RelBench recommends with it (arXiv:2407.20060).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError
from hgl.models.recommender import (
    RankingLoss,
    Recommender,
    SharedEmbedding,
    scatter_scores,
)
from hgl.models.relational import RelationalModel
from hgl.nn.id_mark import IdentityMark
from hgl.nn.row_encoder import TableEncoder
from hgl.nn.seed_columns import SeedColumns
from hgl.typing import EdgeType, Metadata, NodeType, TableLayout, reverse_of


class IDGNN(Recommender):
    """score(s, d) = any(d), plus reached(s, d) where the sample of s holds d.

    The seed's copy is marked, and the network runs on the whole sample, each edge both ways, so
    that the mark travels out to the destinations. What is said of any destination reads its own
    columns and aggregates only: RelBench's ID-GNN recommends nothing beyond what was reached.

    Args:
        metadata, layouts, timed: see `RelationalModel`.
        entity_table, destination_table, num_destinations, eval_k: see `TwoTower`.
        gnn: builds the graph network from `metadata` and `channels`; a `GraphNetwork`, with at
            least as many layers as there are steps from a source to a destination.
        channels: width throughout.
        num_blocks: residual blocks of the row encoder.
        dropout: probability in the row encoder.
        recompute: encode rows again in backward: less memory, about a tenth slower.
        shared_embedding: add a learnt vector per destination row to what is said of any.
        loss: `bpr` (links rank before others) or `bce` (each pair is or is not a link).
        num_aggregates: width of the seeds' `aggregates`; 0 for none.
        num_destination_aggregates: width of the destinations'.
    Raises: as `RelationalModel` and `Recommender`.
    """

    reads_destination_neighbors = False

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
        loss: RankingLoss = "bce",
        num_aggregates: int = 0,
        num_destination_aggregates: int = 0,
    ) -> None:
        super().__init__(destination_table=destination_table, eval_k=eval_k, loss=loss)
        self.entity_table = entity_table
        self.sample = RelationalModel(
            metadata=metadata,
            layouts=layouts,
            timed=timed,
            entity_table=entity_table,
            out_channels=1,
            gnn=gnn,
            channels=channels,
            num_blocks=num_blocks,
            dropout=dropout,
            recompute=recompute,
        )
        if destination_table not in self.sample.node_types:
            raise SchemaError(
                f"dst_entity_table={destination_table!r}: not among {self.sample.node_types}"
            )
        self.mark = IdentityMark(channels)
        self.row = TableEncoder(
            layouts[destination_table], channels=channels, num_blocks=0, dropout=dropout
        )
        self.embedding = (
            SharedEmbedding(num_destinations, channels=channels) if shared_embedding else None
        )
        self.columns = _columns(num_destination_aggregates, channels, dropout)
        self.seed_columns = _columns(num_aggregates, channels, dropout)
        self.any = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 1)
        )

    def scores(self, batch: HeteroData) -> Tensor:
        """See `Recommender`."""
        destinations = batch.destinations[self.destination_table]
        vectors = self._vectors(destinations)
        base = self.any(vectors).T.expand(batch[self.entity_table].batch_size, -1)
        found = batch[self.destination_table]
        scored = destinations.n_id[: len(vectors)]
        column = torch.searchsorted(scored, found.n_id).clamp_(max=len(scored) - 1)
        kept = (scored[column] == found.n_id).nonzero().flatten()
        x = self._reached(batch).index_select(0, kept) + vectors.index_select(0, column[kept])
        reached = self.sample.head(x)[:, 0]
        return scatter_scores(base, found.batch[kept], column[kept], reached)

    def _vectors(self, store: Any) -> Tensor:
        """[destinations, channels] of what is the same for every seed."""
        count = store.batch_size
        rows = self.row(store.columns, store.rows.numel())
        vectors = rows[store.row_index[:count]]
        if self.embedding is not None:
            vectors = vectors + self.embedding(store.n_id[:count])
        if self.columns is not None:
            vectors = vectors + self.columns(store.aggregates)
        return vectors

    def _reached(self, batch: HeteroData) -> Tensor:
        """[copies of destinations, channels] after the network."""
        x_dict = self.sample.encode(batch)
        store = batch[self.entity_table]
        seeds = self.mark(x_dict[self.entity_table], store.batch_size)
        if self.seed_columns is not None:
            own = self.seed_columns(store.aggregates)
            seeds = torch.cat([seeds[: len(own)] + own, seeds[len(own) :]])
        x_dict[self.entity_table] = seeds
        edges = both_ways({e: batch[e].edge_index for e in self.sample.edge_types})
        return self.sample.gnn(x_dict, edges)[self.destination_table]


def both_ways(edge_index_dict: Mapping[EdgeType, Tensor]) -> dict[EdgeType, Tensor]:
    """Add each edge's reverse to its reverse relation; an edge that is there already stays one.

    Args:
        edge_index_dict: [2, edges] int64 per edge type, the reverse of each type among them.
    """
    return {
        edge_type: _distinct(
            torch.cat([edges, edge_index_dict[reverse_of(edge_type)].flip(0)], dim=1)
        )
        for edge_type, edges in edge_index_dict.items()
    }


def _distinct(edges: Tensor) -> Tensor:
    width = int(edges[0].max()) + 1 if edges.numel() else 1
    keys = (edges[1] * width + edges[0]).unique()
    return torch.stack([keys % width, keys // width])


def _columns(width: int, channels: int, dropout: float) -> SeedColumns | None:
    return SeedColumns(width, channels=channels, dropout=dropout) if width else None
