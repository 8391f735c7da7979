"""Heterogeneous GraphSAGE as RelBench runs it (arXiv:1706.02216, arXiv:2407.20060), on one plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hgl.errors import ConfigError
from hgl.ops import RelationPlan, segment_sum
from hgl.typing import EdgeType, Metadata, NodeType


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
        self.node_types, self.edge_types = (tuple(sorted(names)) for names in metadata)
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

    def forward(self, x: Tensor, plan: RelationPlan) -> Tensor:
        """[sum of num_src, channels] to [sum of num_dst, channels], types in canonical order."""
        slots = segment_sum(x, plan)
        if self.aggr == "mean":
            slots = slots / plan.ptr.diff().clamp(min=1).unsqueeze(1)
        outputs, first, slot = [], 0, 0
        for root, node_type in zip(self.root, self.node_types, strict=True):
            count = plan.num_dst[node_type]
            out = root(x[first : first + count])
            for edge_type in plan.relations[node_type]:
                weight = self.neighbour[self.edge_types.index(edge_type)]
                out = torch.addmm(out, slots[slot : slot + count], weight)
                slot += count
            outputs.append(out)
            first += plan.num_src[node_type]
        return torch.cat(outputs)


class HeteroGraphSAGE(nn.Module):
    """Layers of `SAGEConv`, each followed by a LayerNorm per type and a ReLU.

    Args:
        metadata: node types and edge types.
        channels: width throughout.
        num_layers: hops.
        aggr: `sum` (RelBench's) or `mean`.
        dropout: probability after each ReLU.
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
        super().__init__()
        self.node_types: Sequence[NodeType] = sorted(metadata[0])
        self.edge_types: Sequence[EdgeType] = sorted(metadata[1])
        self.convs = nn.ModuleList(
            SAGEConv(metadata, channels=channels, aggr=aggr) for _ in range(num_layers)
        )
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.LayerNorm(channels) for _ in self.node_types)
            for _ in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)

    def forward_plans(self, x: Tensor, plans: Sequence[RelationPlan]) -> Tensor:
        """Run layer i on plan i.

        Args:
            x: [nodes of all types, channels], types in canonical order.
            plans: one per layer; a batch's plans shrink towards its seeds.
        Returns: [targets of the last plan, channels].
        """
        for conv, norms, plan in zip(self.convs, self.norms, plans, strict=True):
            parts = conv(x, plan).split([plan.num_dst[t] for t in self.node_types])
            x = torch.cat([norm(part) for norm, part in zip(norms, parts, strict=True)]).relu()
            x = self.dropout(x)
        return x

    def forward(
        self, x_dict: Mapping[NodeType, Tensor], edge_index_dict: Mapping[EdgeType, Tensor]
    ) -> dict[NodeType, Tensor]:
        """Run on any heterogeneous graph.

        Args:
            x_dict: [num_nodes, channels] per node type.
            edge_index_dict: [2, num_edges] int64 per edge type.
        Returns: [num_nodes, channels] per node type.
        """
        num_nodes = {t: x_dict[t].shape[0] for t in self.node_types}
        plan = RelationPlan.from_edges(edge_index_dict, num_nodes, self.edge_types)
        x = torch.cat([x_dict[t] for t in self.node_types])
        out = self.forward_plans(x, [plan] * len(self.convs))
        return dict(zip(self.node_types, out.split(list(num_nodes.values())), strict=True))
