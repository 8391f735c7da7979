"""Layers over meta-relations whose attention decides the edges of the next: what LATTEs share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from hgl.errors import ConfigError, SchemaError, check_range
from hgl.models.network import GraphNetwork
from hgl.nn.attached_loss import attach_loss
from hgl.nn.latte_conv import MetaOutput, both_ends
from hgl.ops import (
    MetaPath,
    MetaPaths,
    MetaPlan,
    RelationPlan,
    adjacency_product,
    draw_edges,
    product_budget,
    product_values,
    strong_edges,
)
from hgl.typing import EdgeType, Metadata, NodeType

Merge = Literal["concat", "last", "mean", "max"]
"""How a node's vectors after the layers become one; `concat` maps them to one vector's width."""


@dataclass(frozen=True)
class Composition:
    """How a layer's attention makes the edges of the next.

    Attributes:
        theta: attention, over heads the largest, that an edge needs to be composed further; each
            receiver's best edge along a meta-relation always is.
        edge_sampling: draw edges of the product, no more than either factor has. Training draws at
            random; otherwise those of the largest value are taken.
        max_products: most terms of an adjacency product, about 64 bytes each; more is an error.
    """

    theta: float = 0.5
    edge_sampling: bool = False
    max_products: int = 2**25


@dataclass(frozen=True, eq=False)
class PathAttention:
    """Attention along one meta-relation.

    Attributes:
        edge_index: [2, num_edges] int64 senders and receivers, each counted within its type.
        alpha: [num_edges, heads], summing to 1 over the edges of a receiver.
    """

    edge_index: Tensor
    alpha: Tensor


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """What one layer attended to.

    Attributes:
        columns: per node type, the meta-relations that lead to it, in the order of its `beta`.
        beta: per node type, [nodes, meta-relations + 1] weights that sum to 1 per node; the last is
            of the node itself.
        alpha: per meta-relation.
    """

    columns: dict[NodeType, list[MetaPath]]
    beta: dict[NodeType, Tensor]
    alpha: dict[MetaPath, PathAttention]

    @property
    def num_edges(self) -> dict[MetaPath, int]:
        """Edges along each meta-relation."""
        return {path: part.edge_index.shape[1] for path, part in self.alpha.items()}


class MetaNetwork(GraphNetwork):
    """Run layers over meta-relations of growing order.

    A layer's edges are products of the edges that the layer before attended to with the relations
    of the graph. A batch of n hops shows meta-relations of order t of nodes up to n - t hops from
    its seeds. It gives its seeds what the whole graph would where it has as many hops as all layers
    together take steps; with fewer, down to one per layer, its outermost nodes only have themselves
    to start from.

    Args:
        metadata: node types and edge types.
        paths: meta-relations of each layer; the first layer's are the relations.
        conv: builds a layer, which maps [senders, channels] and a `MetaPlan` to `MetaOutput`, from
            its meta-relations.
        channels: width throughout.
        composition: how one layer's edges follow from the one before.
        merge: how the vectors after all layers become one.
        dropout: probability after each layer.
        norm: LayerNorm per node type after each layer.
        proximity: weight of the layers' own losses, in training.
        in_channels: input width per node type, each mapped to `channels`, then a ReLU; None for
            inputs of that width already.
        embeddings: per node type without features, how many nodes it has. Its input is [nodes]
            int64 numbers of nodes, each of which has a learned vector.
    Raises: ConfigError: a value is out of range. SchemaError: a node type has no width.
    """

    def __init__(
        self,
        metadata: Metadata,
        paths: Sequence[MetaPaths],
        conv: Callable[[MetaPaths], nn.Module],
        *,
        channels: int,
        composition: Composition,
        merge: Merge,
        dropout: float,
        norm: bool,
        proximity: float = 0.0,
        in_channels: Mapping[NodeType, int] | None = None,
        embeddings: Mapping[NodeType, int] | None = None,
    ) -> None:
        steps = sum(layer.order for layer in paths)
        super().__init__(metadata, num_layers=len(paths), num_hops=steps)
        check_range("gnn.dropout", dropout, 0, 1)
        check_range("theta", composition.theta, 0, 1)
        check_range("max_products", composition.max_products, 1)
        check_range("proximity", proximity, 0)
        if merge not in get_args(Merge):
            raise ConfigError(f"merge={merge!r}: expected one of {', '.join(get_args(Merge))}")
        self.paths, self.composition = list(paths), composition
        self.merge, self.proximity = merge, proximity
        self.inputs = nn.ModuleList(
            _input(t, channels, in_channels, embeddings or {}) for t in self.node_types
        )
        self.convs = nn.ModuleList(map(conv, paths))
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.LayerNorm(channels) for _ in self.node_types if norm) for _ in paths
        )
        self.dropout = nn.Dropout(dropout)
        concatenated = nn.Linear(channels * len(paths), channels)
        self.output = concatenated if merge == "concat" else nn.Identity()

    def forward_plans(
        self, x_dict: Mapping[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """Run on a batch, whose plans shrink towards its seeds by a hop each.

        Args:
            x_dict: [plans[0].num_src[t], in_channels[t]] per node type t.
            plans: one per hop.
        Returns: [plans[-1].num_dst[t], channels] per node type t.
        Raises: ConfigError: the hops are too few or more than the layers reach, or an adjacency
            product is over `max_products`. SchemaError: the graph is not that of the metadata.
        """
        layers = self._layers(x_dict, plans)
        seeds = layers[-1][0].num_dst
        vectors = [
            torch.cat(both_ends(out.x, replace(plan, num_src=plan.num_dst, num_dst=seeds))[1])
            for plan, out in layers
        ]
        x = self._merged(vectors)
        losses = [out.loss for _, out in layers if out.loss is not None]
        if losses:
            x = attach_loss(x, self.proximity * torch.stack(losses).sum())
        return dict(zip(seeds, x.split(list(seeds.values())), strict=True))

    def attention(
        self, x_dict: Mapping[NodeType, Tensor], edge_index_dict: Mapping[EdgeType, Tensor]
    ) -> list[LayerAttention]:
        """What each layer attends to on a whole graph, gradients included.

        Args: see `forward`.
        """
        return self.attention_plans(x_dict, self.whole_graph(x_dict, edge_index_dict))

    def attention_plans(
        self, x_dict: Mapping[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> list[LayerAttention]:
        """What each layer attends to on a batch; nodes are numbered as its copies are.

        Args: see `forward_plans`.
        """
        return [_attention(plan, out) for plan, out in self._layers(x_dict, plans)]

    def _layers(
        self, x_dict: Mapping[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> list[tuple[MetaPlan, MetaOutput]]:
        """The edges of each layer and what it makes of them."""
        nodes = self._nodes(plans)
        first = MetaPlan.from_relations(plans[0], self.paths[0])
        x = torch.cat([f(x_dict[t]) for f, t in zip(self.inputs, self.node_types, strict=True)])
        plan = first.narrowed(nodes[0], nodes[1])
        layers = list[tuple[MetaPlan, MetaOutput]]()
        for layer, (conv, norms) in enumerate(zip(self.convs, self.norms, strict=True)):
            if layer:
                alpha = layers[-1][1].alpha
                paths = self.paths[layer]
                plan = self._next(plan, alpha, first, paths, nodes[layer], nodes[layer + 1])
            out = conv(x, plan)
            x = self.dropout(_normed(out.x, [*norms.children()], plan.num_dst))
            layers.append((plan, replace(out, x=x)))
        return layers

    def _nodes(self, plans: Sequence[RelationPlan]) -> list[dict[NodeType, int]]:
        """Nodes per type that go into each layer, then those that come out of the last."""
        reach, hops = [paths.order for paths in self.paths], len(plans)
        if not len(reach) <= hops <= sum(reach):
            raise ConfigError(
                f"num_neighbors has {hops} hops: expected {len(reach)} to {sum(reach)} for "
                f"num_layers={len(reach)}, whose layers take {reach} steps"
            )
        depths = [0]
        for steps in reversed(reach):
            depths.append(min(depths[-1] + steps, hops))
        within = [plans[-1].num_dst, *(plan.num_src for plan in reversed(plans))]
        return [within[depth] for depth in reversed(depths)]

    def _next(
        self,
        plan: MetaPlan,
        alpha: Tensor,
        first: MetaPlan,
        paths: MetaPaths,
        num_src: Mapping[NodeType, int],
        num_dst: Mapping[NodeType, int],
    ) -> MetaPlan:
        """The next layer's edges: products of this one's, and the relations where it has them."""
        how, single = self.composition, [p for p in paths.paths if len(p) == 1]
        longer = MetaPaths(paths.node_types, [p for p in paths.paths if len(p) > 1])
        parts = [first.narrowed(num_src, num_dst)] if single else []
        if len(longer) or not parts:
            weight = alpha.detach().amax(1)
            keep = strong_edges(weight, plan, how.theta)
            grown = adjacency_product(plan, keep, first, longer, num_dst, limit=how.max_products)
            if how.edge_sampling:
                value = product_values(grown, plan, weight, keep, first)
                budget = product_budget(plan, keep, first, grown)
                grown = draw_edges(grown, value, budget, random=self.training)
            parts.append(replace(grown, num_src=num_src))
        return parts[0] if len(parts) == 1 else MetaPlan.joined(parts, paths)

    def _merged(self, vectors: Sequence[Tensor]) -> Tensor:
        if self.merge == "concat":
            return self.output(torch.cat(list(vectors), 1))
        if self.merge == "last":
            return vectors[-1]
        stacked = torch.stack(list(vectors))
        return stacked.mean(0) if self.merge == "mean" else stacked.amax(0)


def _input(
    node_type: NodeType,
    channels: int,
    in_channels: Mapping[NodeType, int] | None,
    embeddings: Mapping[NodeType, int],
) -> nn.Module:
    if node_type in embeddings:
        return nn.Embedding(embeddings[node_type], channels)
    if in_channels is None:
        return nn.Identity()
    if node_type not in in_channels:
        raise SchemaError(
            f"node type {node_type!r} is in neither in_channels, which has {sorted(in_channels)}, "
            f"nor embeddings, which has {sorted(embeddings)}"
        )
    return nn.Sequential(nn.Linear(in_channels[node_type], channels), nn.ReLU())


def _normed(x: Tensor, norms: Sequence[nn.Module], num_nodes: Mapping[NodeType, int]) -> Tensor:
    if not norms:
        return x
    parts = x.split(list(num_nodes.values()))
    return torch.cat([norm(part) for norm, part in zip(norms, parts, strict=True)])


def _attention(plan: MetaPlan, out: MetaOutput) -> LayerAttention:
    alpha = {}
    for number, path in enumerate(plan.paths.paths):
        edge = (plan.relation == number).nonzero().squeeze(1)
        ends = torch.stack([plan.src[edge], plan.dst[edge]])
        alpha[path] = PathAttention(ends, out.alpha[edge])
    columns = {
        t: [plan.paths.paths[i] for i in numbers] for t, numbers in plan.paths.receiving.items()
    }
    return LayerAttention(columns, out.beta, alpha)
