"""HAN: heterogeneous graph attention, node-level then semantic-level (arXiv:1903.07293)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hgl.errors import check_multiple
from hgl.models.attention_stack import AttentionStack
from hgl.models.network import targets
from hgl.ops import (
    RelationPlan,
    by_target,
    canonical,
    edge_score,
    segment_softmax,
    weighted_segment_sum,
)
from hgl.typing import Metadata, NodeType


class HANConv(nn.Module):
    """Attend over each relation's neighbours, then weigh the relations, alike for all nodes.

    z_vr = ReLU(sum over u of a_uvr W_t h_u), with a the softmax over u of LeakyReLU(W_t h_u . p_r +
    W_t h_v . q_r); w_r = the mean over nodes v of tanh(K z_vr + k) . s; h'_v = the sum over r of
    softmax(w)_r z_vr. An edge type counts as a meta-path (PyG's `AddMetaPaths` adds longer ones).
    A relation without edges enters as zeros; a type that no relation enters keeps its vectors.

    Equals PyG's `HANConv`. In a batch the mean goes over the plan's targets, whose inputs are
    complete; PyG's layer would count all sampled nodes, most of them without any edge.

    Args:
        metadata: node types and edge types.
        channels: width in and out, over all heads.
        heads: attention heads.
    Raises: ConfigError: channels are not divisible by heads.
    """

    def __init__(self, metadata: Metadata, *, channels: int, heads: int) -> None:
        super().__init__()
        check_multiple("channels", channels, "heads", heads)
        self.node_types, edge_types = canonical(metadata)
        relations = len(by_target(self.node_types, edge_types))
        self.heads = heads
        self.project = nn.ModuleList(nn.Linear(channels, channels) for _ in self.node_types)
        self.of_src = nn.Parameter(torch.empty(relations, heads, channels // heads))
        self.of_dst = nn.Parameter(torch.empty(relations, heads, channels // heads))
        self.key = nn.Linear(channels, channels)
        self.query = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier for the attention vectors, `nn.Linear`'s own for the rest."""
        for linear in (*self.project, self.key):
            linear.reset_parameters()
        for stack in (*self.of_src, *self.of_dst, self.query.unsqueeze(0)):
            nn.init.xavier_uniform_(stack)

    def forward(self, x_dict: dict[NodeType, Tensor], plan: RelationPlan) -> dict[NodeType, Tensor]:
        """[plan.num_src[t], channels] to [plan.num_dst[t], channels] per node type t."""
        h = {
            t: linear(x_dict[t]).unflatten(1, (self.heads, -1))
            for t, linear in zip(self.node_types, self.project, strict=True)
        }
        nodes = torch.cat(list(h.values()))
        sent, received = [nodes.new_zeros(0, self.heads)], [nodes.new_zeros(0, self.heads)]
        for i, (source, _, target) in enumerate(plan.edge_types):
            count = plan.num_dst[target]
            if count:
                sent.append(torch.einsum("nhd,hd->nh", h[source], self.of_src[i]))
                received.append(torch.einsum("nhd,hd->nh", h[target][:count], self.of_dst[i]))
        score = edge_score(torch.cat(sent), torch.cat(received), plan.senders)
        weight = segment_softmax(score, plan.senders)
        z = weighted_segment_sum(nodes, weight, plan.nodes).flatten(1).relu()
        return self._weigh(z, x_dict, plan)

    def _weigh(
        self, z: Tensor, x_dict: dict[NodeType, Tensor], plan: RelationPlan
    ) -> dict[NodeType, Tensor]:
        entering = [sum(e[2] == t for e in plan.edge_types) for t in plan.num_dst]
        parts = z.split([r * n for r, n in zip(entering, plan.num_dst.values())])
        out = {}
        for (node_type, count), part, relations in zip(plan.num_dst.items(), parts, entering):
            if relations and count:
                per_relation = part.view(relations, count, -1)
                share = self.relation_weights(per_relation)
                out[node_type] = torch.einsum("r,rnc->nc", share, per_relation)
            else:
                out[node_type] = targets(x_dict[node_type], count)
        return out

    def relation_weights(self, z: Tensor) -> Tensor:
        """[relations, nodes, channels], at least one node, to [relations] weights that sum to 1."""
        return (self.key(z).tanh().mean(1) @ self.query).softmax(0)


class HAN(AttentionStack):
    """Layers of `HANConv`.

    The relations' weights are means over nodes, so a batch gets its own; they agree with the whole
    graph's only where the batch's targets are all nodes of the type.

    Args:
        metadata: node types and edge types.
        channels: width throughout, over all heads.
        num_layers: hops; the paper has one, over meta-paths.
        heads: attention heads.
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
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            HANConv,
            metadata,
            channels=channels,
            num_layers=num_layers,
            heads=heads,
            dropout=dropout,
        )
