"""HAN: heterogeneous graph attention, node-level then semantic-level (arXiv:1903.07293)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hgl.errors import check_multiple
from hgl.models.attention_stack import AttentionStack
from hgl.models.network import targets
from hgl.ops import (
    RelationPlan,
    by_target,
    canonical,
    edge_softmax,
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
        nodes = torch.cat([f(x_dict[t]) for t, f in zip(self.node_types, self.project)])
        ends = {i: e for i, e in enumerate(plan.edge_types) if plan.num_dst[e[2]]}
        x_target = {t: targets(x, plan.num_dst[t]) for t, x in x_dict.items()}
        weight = edge_softmax(
            self._scores(x_dict, self.of_src, {i: e[0] for i, e in ends.items()}),
            self._scores(x_target, self.of_dst, {i: e[2] for i, e in ends.items()}),
            plan.senders,
        )
        nodes = nodes.unflatten(1, (self.heads, -1))
        z = weighted_segment_sum(nodes, weight, plan.nodes).flatten(1).relu()
        return self._weigh(z, x_target, plan)

    def _scores(
        self, x_dict: Mapping[NodeType, Tensor], vectors: Tensor, ends: Mapping[int, NodeType]
    ) -> Tensor:
        """[rows, heads] scores of a type's nodes for each relation, relation by relation.

        The vectors of a type's relations are folded into its projection: one product per type.

        Args:
            x_dict: [nodes, channels] per node type.
            vectors: [relations, heads, width].
            ends: node type to score for each relation, by its position.
        """
        found: dict[int, Tensor] = {}
        for node_type, linear in zip(self.node_types, self.project, strict=True):
            mine = [i for i, end in ends.items() if end == node_type]
            if mine:
                weight = linear.weight.unflatten(0, vectors.shape[1:])
                folded = torch.einsum("hdc,rhd->crh", weight, vectors[mine])
                shift = (linear.bias.view(vectors.shape[1:]) * vectors[mine]).sum(2)
                score = torch.addmm(shift.flatten(), x_dict[node_type], folded.flatten(1))
                found |= dict(zip(mine, score.unflatten(1, shift.shape).unbind(1)))
        none = self.query.new_zeros(0, self.heads)
        return torch.cat([none, *(found[i] for i in ends)])

    def _weigh(
        self, z: Tensor, x_target: Mapping[NodeType, Tensor], plan: RelationPlan
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
                out[node_type] = x_target[node_type]
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
