"""SimpleHGN: graph attention that knows edge types (Lv et al., KDD 2021, arXiv:2112.14936)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, normalize

from hgl.errors import check_multiple, check_range
from hgl.models.network import GraphNetwork, targets
from hgl.ops import (
    JoinedEdges,
    RelationPlan,
    by_target,
    canonical,
    check_depth,
    edge_softmax,
    weighted_segment_sum,
)
from hgl.typing import Metadata, NodeType


class SimpleHGNConv(nn.Module):
    """Attend over the neighbours under all relations at once, by both ends and the edge type.

    a_vu = softmax over u of LeakyReLU(p . W h_v + q . W h_u + s . W_r e_r); with the weights a'
    that the layer before gave the same edges, a <- (1 - k) a + k a'. Then h'_v = h_v + the sum of
    a_vu W h_u. W is shared by all node types.

    There are no self-loops, as the residual brings a node's own vector, and no dropout on the
    weights.

    Args:
        metadata: node types and edge types.
        channels: width in and out, over all heads.
        heads: attention heads.
        relation_channels: width of an edge type's embedding, per head.
        carried: k above, the share of the attention residual.
    Raises: ConfigError: channels are not divisible by heads.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        heads: int,
        relation_channels: int,
        carried: float,
    ) -> None:
        super().__init__()
        check_multiple("channels", channels, "heads", heads)
        relations = len(by_target(*canonical(metadata)))
        self.heads, self.carried = heads, carried
        self.weight = nn.Parameter(torch.empty(channels, channels))
        self.of_src = nn.Parameter(torch.empty(heads, channels // heads))
        self.of_dst = nn.Parameter(torch.empty(heads, channels // heads))
        self.relation = nn.Parameter(torch.empty(relations, relation_channels))
        self.relation_weight = nn.Parameter(
            torch.empty(relation_channels, heads * relation_channels)
        )
        self.of_relation = nn.Parameter(torch.empty(heads, relation_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-normal with gain sqrt(2), as the paper's code; embeddings from N(0, 1)."""
        for name, parameter in self.named_parameters():
            if name == "relation":
                nn.init.normal_(parameter)
            else:
                nn.init.xavier_normal_(parameter, gain=2**0.5)

    def forward(
        self, x: Tensor, plan: RelationPlan, before: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run one layer.

        Args:
            x: [nodes on the source side, channels], types concatenated.
            plan: the edges.
            before: [num_edges, heads] weights of the layer before, ordered as `plan.joined`; None
                for no attention residual.
        Returns: [targets, channels] before the activation, and [num_edges, heads] weights.
        """
        edges = plan.joined
        sent = (x @ self.weight).unflatten(1, (self.heads, -1))
        received = _targets(sent, plan)
        states = (self.relation @ self.relation_weight).unflatten(1, (self.heads, -1))
        of_relation = (states * self.of_relation).sum(2)
        weight = edge_softmax(
            torch.einsum("nhd,hd->nh", sent, self.of_src),
            torch.einsum("nhd,hd->nh", received, self.of_dst),
            edges.nodes,
            edge=of_relation.index_select(0, edges.relation),
        )
        if before is not None:
            weight = torch.lerp(weight, before, self.carried)
        pooled = weighted_segment_sum(sent, weight, edges.nodes)
        return pooled.flatten(1) + _targets(x, plan), weight


class SimpleHGN(GraphNetwork):
    """Layers of `SimpleHGNConv` with an ELU between them.

    Args:
        metadata: node types and edge types.
        channels: width throughout, over all heads.
        num_layers: hops.
        heads: attention heads.
        relation_channels: width of an edge type's embedding, per head.
        carried: share of the weights that each layer takes over from the one before; the paper's
            beta, 0.05.
        normalise: divide each vector that comes out by its length, as the paper does to its output.
        dropout: probability on what enters each layer.
    Raises: SchemaError: the metadata contradicts itself. ConfigError: a number is out of range, or
        channels are not divisible by heads.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 2,
        heads: int = 8,
        relation_channels: int = 64,
        carried: float = 0.05,
        normalise: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("heads", heads, 1)
        check_range("relation_channels", relation_channels, 1)
        check_range("carried", carried, 0, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        self.convs = nn.ModuleList(
            SimpleHGNConv(
                metadata,
                channels=channels,
                heads=heads,
                relation_channels=relation_channels,
                carried=carried,
            )
            for _ in range(num_layers)
        )
        self.normalise = normalise
        self.dropout = nn.Dropout(dropout)

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """See `GraphNetwork`."""
        check_depth(self.num_layers, plans)
        x = torch.cat([x_dict[t] for t in self.node_types])
        x, weight = self.convs[0](self.dropout(x), plans[0])
        for conv, before, plan in zip([*self.convs][1:], plans, plans[1:]):
            weight = _kept(weight, before.joined, plan.joined)
            x, weight = conv(self.dropout(elu(x)), plan, weight)
        x = normalize(x) if self.normalise else x
        parts = x.split(list(plans[-1].num_dst.values()))
        return dict(zip(self.node_types, parts, strict=True))


def _targets(x: Tensor, plan: RelationPlan) -> Tensor:
    """Of rows for all sources, types concatenated, those of the targets."""
    if plan.num_src == plan.num_dst:
        return x
    parts = zip(x.split(list(plan.num_src.values())), plan.num_dst.values())
    return torch.cat([targets(part, count) for part, count in parts])


def _kept(weight: Tensor, before: JoinedEdges, after: JoinedEdges) -> Tensor:
    """Of weights on one plan's edges, those that are left in the next, narrower plan.

    Its targets are the first ones of each type, and keep all their edges.
    """
    if before is after:
        return weight
    parts = zip(weight.split(list(before.type_edges.values())), after.type_edges.values())
    return torch.cat([targets(part, count) for part, count in parts])
