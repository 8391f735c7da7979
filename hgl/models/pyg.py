"""Any heterogeneous convolution of PyG as a network here, in the one order that is safe.

PyG's `HGTConv` is right only where the edges come sorted as its metadata, and `HeteroDictLinear`
swaps types where `x_dict` comes in another order than its modules; both silently.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.nn import HeteroConv, SAGEConv

from hgl.errors import check_range
from hgl.models.network import GraphNetwork, targets
from hgl.ops import RelationPlan, check_depth, expand
from hgl.typing import EdgeType, Metadata, NodeType


class PyGNetwork(GraphNetwork):
    """Layers of a PyG convolution, each followed by a LayerNorm per type and a ReLU.

    On a batch, a layer runs on all sources of its plan and is cut to the targets. A type that the
    convolution leaves out, or returns as None, keeps the vectors it has.

    Args:
        metadata: node types and edge types.
        channels: width throughout.
        conv: builds a layer from sorted metadata and `channels`; the layer maps `x_dict` and
            `edge_index_dict` to a dict, as `hetero_sage`, `HGTConv` and `HANConv` do.
        num_layers: hops.
        norm: False leaves out LayerNorm and ReLU.
        dropout: probability after each layer.
    Raises: SchemaError: the metadata contradicts itself. ConfigError: a number is out of range.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        conv: Callable[..., nn.Module],
        num_layers: int = 2,
        norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        layers = range(num_layers)
        self.convs = nn.ModuleList(
            conv((self.node_types, self.edge_types), channels=channels) for _ in layers
        )
        self.after = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(nn.LayerNorm(channels), nn.ReLU()) if norm else nn.Identity()
                for _ in self.node_types
            )
            for _ in layers
        )
        self.dropout = nn.Dropout(dropout)

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """See `GraphNetwork`."""
        check_depth(self.num_layers, plans)
        x_dict = {t: x_dict[t] for t in self.node_types}
        for conv, after, plan in zip(self.convs, self.after, plans, strict=True):
            received = conv(x_dict, edge_index_dict(plan)) if self.edge_types else {}
            found = {t: x for t, x in received.items() if x is not None}
            x_dict = {
                t: self.dropout(f(targets(found.get(t, x_dict[t]), plan.num_dst[t])))
                for t, f in zip(self.node_types, after, strict=True)
            }
        return x_dict


def hetero_sage(metadata: Metadata, *, channels: int, aggr: str = "sum") -> HeteroConv:
    """A `SAGEConv` per edge type, summed (RelBench's layer).

    Args:
        metadata: node types and edge types.
        channels: width in and out.
        aggr: over a relation's neighbours.
    """
    convs = {e: SAGEConv(channels, channels, aggr=aggr) for e in sorted(metadata[1])}
    with warnings.catch_warnings():
        # It warns of types that nothing enters; the network keeps those.
        warnings.filterwarnings("ignore", "There exist node types")
        return HeteroConv(convs, aggr="sum")


def edge_index_dict(plan: RelationPlan) -> dict[EdgeType, Tensor]:
    """A plan's edges as PyG takes them: sorted edge types, [2, num_edges] int64, empty ones too."""
    none = plan.src.new_zeros(2, 0, dtype=torch.int64)
    edges = {block.edge_type: block.segments for block in plan.blocks}
    return {
        e: torch.stack([edges[e].src, expand(edges[e].ptr, edges[e].num_edges)]).long()
        if e in edges
        else none
        for e in sorted(plan.edge_types)
    }
