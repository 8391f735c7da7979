"""HGT: heterogeneous graph transformer (arXiv:2003.01332), on one plan."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from hgl.errors import check_multiple
from hgl.models.attention_stack import AttentionStack
from hgl.models.network import targets
from hgl.ops import (
    RelationPlan,
    by_target,
    canonical,
    edge_dot,
    segment_softmax,
    weighted_segment_sum,
)
from hgl.typing import Metadata, NodeType


class HGTConv(nn.Module):
    """Attend over the neighbours under all relations at once, with keys and values per relation.

    The score of u for v along relation r is (q_v . k_u A_r) m_r / sqrt(width of a head), the
    softmax runs over all relations that enter v, the messages are v_u M_r; then h'_v = s_t
    (GELU(sum) W_t + b_t) + (1 - s_t) h_v, with a gate s_t per type. A type that no relation enters
    keeps its vectors.

    Equals PyG's `HGTConv` in sorted order, which is the one that it computes correctly; like it,
    has no temporal encoding.

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
        relations, width = len(by_target(self.node_types, edge_types)), channels // heads
        self.heads = heads
        self.key_value = nn.ModuleList(nn.Linear(channels, 2 * channels) for _ in self.node_types)
        self.query = nn.ModuleList(nn.Linear(channels, channels) for _ in self.node_types)
        self.key = nn.Parameter(torch.empty(relations, heads, width, width))
        self.value = nn.Parameter(torch.empty(relations, heads, width, width))
        self.prior = nn.Parameter(torch.empty(relations, heads))
        self.out = nn.ModuleList(nn.Linear(channels, channels) for _ in self.node_types)
        self.gate = nn.Parameter(torch.empty(len(self.node_types)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """`nn.Linear`'s own, also for each head's matrices; priors and gates 1."""
        for linear in (*self.key_value, *self.query, *self.out):
            linear.reset_parameters()
        bound = self.key.shape[2] ** -0.5
        for stack in (self.key, self.value):
            nn.init.uniform_(stack, -bound, bound)
        nn.init.ones_(self.prior)
        nn.init.ones_(self.gate)

    def forward(self, x_dict: dict[NodeType, Tensor], plan: RelationPlan) -> dict[NodeType, Tensor]:
        """[plan.num_src[t], channels] to [plan.num_dst[t], channels] per node type t."""
        x_target = {t: targets(x_dict[t], n) for t, n in plan.num_dst.items()}
        query = torch.cat([f(x) for f, x in zip(self.query, x_target.values(), strict=True)])
        query = query.unflatten(1, (self.heads, -1))
        key, value = self._sent(x_dict, query[:0], plan)
        edges = plan.joined.senders
        scale = self.prior * key.shape[2] ** -0.5
        score = edge_dot(query, key, edges) * scale.index_select(0, plan.joined.relation)
        weight = segment_softmax(score, edges).to(value.dtype)
        pooled = weighted_segment_sum(value, weight, edges)
        sums = pooled.flatten(1).split(list(plan.num_dst.values()))
        return {
            t: self._update(i, z, x, plan)
            for i, ((t, x), z) in enumerate(zip(x_target.items(), sums, strict=True))
        }

    def _sent(
        self, x_dict: Mapping[NodeType, Tensor], none: Tensor, plan: RelationPlan
    ) -> tuple[Tensor, Tensor]:
        """[senders, heads, width] keys and values, as each relation maps them."""
        keys, values = [none], [none]
        found: dict[NodeType, tuple[Tensor, ...]] = {}
        for i, (source, _, target) in enumerate(plan.edge_types):
            if plan.num_dst[target]:
                if source not in found:
                    both = self.key_value[self.node_types.index(source)](x_dict[source])
                    found[source] = both.unflatten(1, (2, self.heads, -1)).unbind(1)
                key, value = found[source]
                keys.append(torch.einsum("nhi,hio->nho", key, self.key[i]))
                values.append(torch.einsum("nhi,hio->nho", value, self.value[i]))
        return torch.cat(keys), torch.cat(values)

    def _update(self, i: int, pooled: Tensor, x: Tensor, plan: RelationPlan) -> Tensor:
        if all(e[2] != self.node_types[i] for e in plan.edge_types):
            return x
        gate = self.gate[i].sigmoid()
        return gate * self.out[i](gelu(pooled)) + (1 - gate) * x


class HGT(AttentionStack):
    """Layers of `HGTConv`.

    Args:
        metadata: node types and edge types.
        channels: width throughout, over all heads.
        num_layers: hops.
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
            HGTConv,
            metadata,
            channels=channels,
            num_layers=num_layers,
            heads=heads,
            dropout=dropout,
        )
