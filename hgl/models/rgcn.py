"""R-GCN: relational graph convolution (arXiv:1703.06103), on one plan."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hgl.errors import check_range
from hgl.models.network import GraphNetwork, targets
from hgl.ops import RelationPlan, by_target, canonical, check_depth, relation_linear
from hgl.typing import Metadata, NodeType


class RGCNConv(nn.Module):
    """h'_v = h_v W_0 + b + sum over relations r of the mean over neighbours u of h_u W_r.

    Equals PyG's `RGCNConv` on the graph made homogeneous: W_0 and b are shared by all node types.

    Args:
        metadata: node types and edge types.
        channels: width in and out.
        num_bases: matrices whose combinations the W_r are, W_r = sum over b of a_rb V_b; None for
            one matrix per relation.
    """

    def __init__(self, metadata: Metadata, *, channels: int, num_bases: int | None = None) -> None:
        super().__init__()
        node_types, edge_types = canonical(metadata)
        relations = len(by_target(node_types, edge_types))
        self.weight = nn.Parameter(torch.empty(num_bases or relations, channels, channels))
        self.share = nn.Parameter(torch.empty(relations, num_bases)) if num_bases else None
        self.root = nn.Parameter(torch.empty(channels, channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier, of each matrix by itself; no bias."""
        for matrix in (*self.weight, self.root):
            nn.init.xavier_uniform_(matrix)
        if self.share is not None and self.share.numel():
            nn.init.xavier_uniform_(self.share)
        nn.init.zeros_(self.bias)

    def forward(self, x_dict: dict[NodeType, Tensor], plan: RelationPlan) -> dict[NodeType, Tensor]:
        """[plan.num_src[t], channels] to [plan.num_dst[t], channels] per node type t."""
        pooled = relation_linear(x_dict, self._weights(), plan, mean=True)
        return {
            t: torch.addmm(self.bias, targets(x_dict[t], count), self.root).add_(pooled[t])
            for t, count in plan.num_dst.items()
        }

    def _weights(self) -> Tensor:
        if self.share is None:
            return self.weight
        return torch.einsum("rb,bio->rio", self.share, self.weight)


class RGCN(GraphNetwork):
    """Layers of `RGCNConv` with a ReLU between them.

    Args:
        metadata: node types and edge types.
        channels: width throughout.
        num_layers: hops.
        num_bases: see `RGCNConv`.
        dropout: probability after each ReLU.
    Raises: SchemaError: the metadata contradicts itself. ConfigError: a number is out of range.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 2,
        num_bases: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("num_bases", num_bases, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        self.convs = nn.ModuleList(
            RGCNConv(metadata, channels=channels, num_bases=num_bases) for _ in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """See `GraphNetwork`."""
        check_depth(self.num_layers, plans)
        for layer, (conv, plan) in enumerate(zip(self.convs, plans, strict=True)):
            if layer:
                x_dict = {t: self.dropout(x.relu()) for t, x in x_dict.items()}
            x_dict = conv(x_dict, plan)
        return x_dict
