"""Layers of one attention convolution: what HAN and HGT share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from hgl.errors import check_range
from hgl.models.network import GraphNetwork
from hgl.ops import RelationPlan, check_depth
from hgl.typing import Metadata, NodeType


class AttentionStack(GraphNetwork):
    """Layers of `conv(metadata, channels=…, heads=…)`, with dropout on what enters each.

    Args:
        conv: builds a layer that maps `x_dict` and a plan to the plan's targets.
        metadata: node types and edge types.
        channels: width throughout, over all heads.
        num_layers: hops.
        heads: attention heads.
        dropout: probability.
    Raises: SchemaError: the metadata contradicts itself. ConfigError: a number is out of range, or
        channels are not divisible by heads.
    """

    def __init__(
        self,
        conv: Callable[..., nn.Module],
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("heads", heads, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        self.convs = nn.ModuleList(
            conv(metadata, channels=channels, heads=heads) for _ in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """See `GraphNetwork`."""
        check_depth(self.num_layers, plans)
        for conv, plan in zip(self.convs, plans, strict=True):
            x_dict = conv({t: self.dropout(x) for t, x in x_dict.items()}, plan)
        return x_dict
