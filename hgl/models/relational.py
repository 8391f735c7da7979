"""From a sampled batch to predictions: row encoder, relative time, graph network, head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError
from hgl.nn.relative_time import RelativeTime
from hgl.nn.row_encoder import RowEncoder
from hgl.ops import RelationPlan, Transpose, gather_rows
from hgl.typing import EdgeType, Metadata, NodeType, TableLayout


class PlanNetwork(Protocol):
    """A graph network that runs layer i on plan i."""

    def forward_plans(self, x: Tensor, plans: Sequence[RelationPlan]) -> Tensor:
        """[nodes of all types, channels] to [targets of the last plan, channels]."""


class RelationalModel(nn.Module):
    """Predict something about the seeds of a batch.

    Args:
        metadata: node types and edge types of the graph.
        layouts: columns of each node type.
        timed: node types with a time column.
        entity_table: node type of the seeds.
        out_channels: outputs per seed.
        gnn: builds the graph network from `metadata` and `channels`.
        channels: width throughout.
        num_blocks: residual blocks of the row encoder.
        dropout: probability in the row encoder.
    """

    def __init__(
        self,
        *,
        metadata: Metadata,
        layouts: Mapping[NodeType, TableLayout],
        timed: Sequence[NodeType],
        entity_table: NodeType,
        out_channels: int,
        gnn: Callable[..., nn.Module],
        channels: int = 128,
        num_blocks: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if entity_table not in metadata[0]:
            raise SchemaError(f"entity_table={entity_table!r}: not among {sorted(metadata[0])}")
        self.node_types = sorted(metadata[0])
        self.edge_types = sorted(metadata[1])
        self.entity_table = entity_table
        self.rows = RowEncoder(layouts, channels=channels, num_blocks=num_blocks, dropout=dropout)
        self.time = RelativeTime(timed, channels=channels)
        self.gnn = gnn(metadata, channels=channels)
        self.head = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, out_channels))

    def forward(self, batch: HeteroData) -> Tensor:
        """Return [batch_size, out_channels] for a batch of `SeedLoader`."""
        plans = batch_plans(batch, self.edge_types)
        x = self.gnn.forward_plans(self.encode(batch), plans)
        first = 0
        for node_type in self.node_types[: self.node_types.index(self.entity_table)]:
            first += plans[-1].num_dst[node_type]
        return self.head(x[first : first + batch[self.entity_table].batch_size])

    def encode(self, batch: HeteroData) -> Tensor:
        """Encode each distinct row once, copy it to its samples and add their relative time.

        Returns: [nodes of all types, channels], types in canonical order.
        """
        num_rows = {t: batch[t].rows.numel() for t in self.node_types}
        rows = self.rows({t: batch[t].columns for t in self.node_types}, num_rows)
        parts = []
        for node_type in self.node_types:
            store = batch[node_type]
            copies = gather_rows(
                rows[node_type], store.row_index, Transpose(store.row_ptr, store.row_perm)
            )
            if node_type in self.time.positions:
                copies = copies + self.time(node_type, store.rel_time)
            parts.append(copies)
        return torch.cat(parts)


def batch_plans(batch: HeteroData, edge_types: Sequence[EdgeType]) -> list[RelationPlan]:
    """The plans a batch carries, one per layer: all its edges, then those nearer the seeds."""
    return [
        RelationPlan(
            layer["src"],
            layer["ptr"],
            num_src=layer["num_src"],
            num_dst=layer["num_dst"],
            edge_types=edge_types,
            transpose=Transpose(layer["t_ptr"], layer["t_slot"]),
        )
        for layer in batch.layers
    ]
