"""Heterogeneous GraphSAGE as RelBench runs it (arXiv:1706.02216, arXiv:2407.20060), on one plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hgl.errors import ConfigError, check_range
from hgl.models.network import GraphNetwork, targets
from hgl.ops import RelationPlan, canonical, check_depth, relation_linear
from hgl.typing import Metadata, NodeType


class SAGEConv(nn.Module):
    """h'_v = sum over relations of W_r sum_u h_u, plus W_t h_v.

    Differs from PyG's `HeteroConv({…: SAGEConv})`: the root weights of the relations entering a
    type are one matrix (their sum is all that matters), and all relations aggregate in one pass.

    Args:
        metadata: node types and edge types.
        channels: width in and out.
        aggr: `sum` or `mean` over a relation's neighbours.
    """

    def __init__(self, metadata: Metadata, *, channels: int, aggr: str = "sum") -> None:
        super().__init__()
        if aggr not in ("sum", "mean"):
            raise ConfigError(f"aggr={aggr!r}: expected 'sum' or 'mean'")
        self.node_types, self.edge_types = canonical(metadata)
        self.aggr = aggr
        self.root = nn.ModuleList(nn.Linear(channels, channels) for _ in self.node_types)
        self.neighbour = nn.Parameter(torch.empty(len(self.edge_types), channels, channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in +-1/sqrt(channels), as `nn.Linear`."""
        for linear in self.root:
            linear.reset_parameters()
        bound = self.neighbour.shape[1] ** -0.5
        nn.init.uniform_(self.neighbour, -bound, bound)

    def forward(
        self, x_dict: Mapping[NodeType, Tensor], plan: RelationPlan
    ) -> dict[NodeType, Tensor]:
        """[plan.num_src[t], channels] to [plan.num_dst[t], channels] per node type t."""
        order = [self.edge_types.index(e) for e in plan.edge_types]
        pooled = relation_linear(x_dict, self.neighbour[order], plan, mean=self.aggr == "mean")
        return {
            t: root(targets(x_dict[t], plan.num_dst[t])).add_(pooled[t])
            for root, t in zip(self.root, self.node_types, strict=True)
        }


class HeteroGraphSAGE(GraphNetwork):
    """Layers of `SAGEConv`, each followed by a LayerNorm per type and a ReLU.

    Args:
        metadata: node types and edge types.
        channels: width throughout.
        num_layers: hops.
        aggr: `sum` (RelBench's) or `mean`.
        dropout: probability after each ReLU.
    Raises: SchemaError: the metadata contradicts itself. ConfigError: a number is out of range.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 2,
        aggr: str = "sum",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        self.convs = nn.ModuleList(
            SAGEConv(metadata, channels=channels, aggr=aggr) for _ in range(num_layers)
        )
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.LayerNorm(channels) for _ in self.node_types)
            for _ in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """See `GraphNetwork`."""
        check_depth(len(self.convs), plans)
        for conv, norms, plan in zip(self.convs, self.norms, plans, strict=True):
            x_dict = conv(x_dict, plan)
            for norm, node_type in zip(norms, self.node_types, strict=True):
                x_dict[node_type] = self.dropout(norm(x_dict[node_type]).relu_())
        return x_dict
