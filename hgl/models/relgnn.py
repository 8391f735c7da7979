"""RelGNN: composite messages along the atomic routes of a relational database (arXiv:2502.06784).

Written from its equations. A table with several foreign keys is a bridge between the tables that it
refers to: what one of these tells another is fused with the bridging row on the way, in one layer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import ClassVar

import torch
from torch import Tensor, nn

from hgl.errors import SchemaError, check_range
from hgl.models.network import GraphNetwork, targets
from hgl.nn.route_conv import FactFusion, RouteAttention
from hgl.ops import RelationPlan, Segments, check_depth, check_reverses, segment_reduce
from hgl.typing import EdgeType, Metadata, NodeType, reverse_of


@dataclass(frozen=True)
class AtomicRoute:
    """One way for a message.

    Attributes:
        last: edge type that it arrives along.
        first: edge type from the table where it begins to the fact table that `last` leaves from;
            None where it begins there.
    """

    last: EdgeType
    first: EdgeType | None = None


def atomic_routes(foreign_keys: Sequence[EdgeType]) -> list[AtomicRoute]:
    """The routes of a schema.

    A table with one foreign key is joined with the table it refers to, both ways. A table with k
    of them bridges each ordered pair: k (k - 1) routes. A key into the table itself stands alone.

    Args:
        foreign_keys: (table, label, table referred to), in any order.
    """
    groups = defaultdict(list)
    for key in sorted(foreign_keys):
        source, _, target = key
        groups[key if source == target else (source,)].append(key)
    routes = list[AtomicRoute]()
    for keys in groups.values():
        if len(keys) == 1:
            routes += [AtomicRoute(keys[0]), AtomicRoute(reverse_of(keys[0]))]
        routes += [AtomicRoute(q, reverse_of(v)) for q, v in permutations(keys, 2)]
    return routes


class RelGNNConv(nn.Module):
    """Send along every atomic route; a node type sums what its routes bring.

    Where a route begins at its sender, h_v = attention over the senders u (`RouteAttention`). Where
    it passes a fact table, f = fusion of the fact with what it refers to (`FactFusion`), then h_v =
    attention over the facts; f is also what the fact table itself receives. A type that no route
    enters keeps its vectors.

    Args:
        routes: see `atomic_routes`.
        channels: width in and out, over all heads.
        heads: attention heads.
    Raises: ConfigError: channels are not divisible by heads.
    """

    def __init__(self, routes: Sequence[AtomicRoute], *, channels: int, heads: int) -> None:
        super().__init__()
        self.routes = list(routes)
        self.fuse = nn.ModuleList(
            FactFusion(channels) if route.first else nn.Identity() for route in routes
        )
        self.attend = nn.ModuleList(RouteAttention(channels, heads) for _ in routes)

    def forward(
        self, x_dict: dict[NodeType, Tensor], wide: RelationPlan, plan: RelationPlan
    ) -> dict[NodeType, Tensor]:
        """Fuse on the edges of `wide`, attend on those of `plan`, whose sources are its targets.

        Args:
            x_dict: [wide.num_src[t], channels] per node type t.
        Returns: [plan.num_dst[t], channels] per node type t.
        """
        x = {t: targets(x_dict[t], n) for t, n in plan.num_src.items()}
        wanted = {t: targets(x[t], n) for t, n in plan.num_dst.items()}
        edges = {b.edge_type: b.segments for b in plan.blocks}
        received: dict[NodeType, list[Tensor]] = {t: [] for t in x}
        pooled: dict[EdgeType, Tensor] = {}
        for route, fuse, attend in zip(self.routes, self.fuse, self.attend, strict=True):
            source, _, target = route.last
            message = x[source]
            if route.first and (len(wanted[source]) or len(wanted[target])):
                if route.first not in pooled:
                    pooled[route.first] = _pooled(x_dict, wide, route.first)
                message = fuse(message, pooled[route.first])
                received[source].append(targets(message, len(wanted[source])))
            if len(wanted[target]):
                segments = edges.get(route.last) or _none(message, wanted[target])
                received[target].append(attend(message, wanted[target], segments))
        return {
            t: sum(parts[1:], parts[0]) if parts else wanted[t] for t, parts in received.items()
        }


class RelGNN(GraphNetwork):
    """Layers of `RelGNNConv`, each followed by a LayerNorm per type and a ReLU.

    A layer takes two hops: along the first, facts hear from what they refer to; along the second,
    they tell. So it runs on two plans of a batch, the first fusing into facts that the second then
    attends to, and a seed gets what the whole graph gives it: `num_neighbors` needs two entries
    for each layer. (A layer of one hop would fuse the outermost facts without what they refer to.)

    Args:
        metadata: node types and edge types, each with its reverse.
        channels: width throughout, over all heads.
        num_layers: layers, of two hops each.
        heads: attention heads.
        dropout: probability after each ReLU.
        foreign_keys: edge types from a table to one that it refers to, one of each pair; None takes
            those whose label does not begin with `rev_`, as our graphs and PyG's have it.
    Raises: SchemaError: the metadata contradicts itself, an edge type has no reverse, there is no
        foreign key, or they are not one of each pair. ConfigError: a number is out of range, or
        channels are not divisible by heads.
    """

    hops_per_layer: ClassVar[int] = 2

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 1,
        heads: int = 4,
        dropout: float = 0.0,
        foreign_keys: Sequence[EdgeType] | None = None,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("heads", heads, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        routes = atomic_routes(_foreign_keys(self.edge_types, foreign_keys))
        self.convs = nn.ModuleList(
            RelGNNConv(routes, channels=channels, heads=heads) for _ in range(num_layers)
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
        check_depth(self.num_layers, plans, self.hops_per_layer)
        pairs = zip(plans[::2], plans[1::2], strict=True)
        for conv, norms, (wide, plan) in zip(self.convs, self.norms, pairs, strict=True):
            x_dict = conv(x_dict, wide, plan)
            for norm, node_type in zip(norms, self.node_types, strict=True):
                x_dict[node_type] = self.dropout(norm(x_dict[node_type]).relu())
        return x_dict


def _foreign_keys(
    edge_types: Sequence[EdgeType], stated: Sequence[EdgeType] | None
) -> list[EdgeType]:
    check_reverses(edge_types)
    if not edge_types:
        raise SchemaError(
            "metadata has no foreign key, that is no edge type: expected at least one"
        )
    if stated is None:
        return [e for e in edge_types if not e[1].startswith("rev_")]
    keys = {tuple(e) for e in stated}
    if keys - set(edge_types) or any((e in keys) == (reverse_of(e) in keys) for e in edge_types):
        raise SchemaError(
            f"foreign_keys={list(stated)}: expected one edge type of each pair with its reverse "
            f"among {sorted(edge_types)}"
        )
    return [e for e in edge_types if e in keys]


def _pooled(x_dict: dict[NodeType, Tensor], plan: RelationPlan, edge_type: EdgeType) -> Tensor:
    """[plan.num_dst, channels] sums over the neighbours under one relation."""
    x, count = x_dict[edge_type[0]], plan.num_dst[edge_type[2]]
    segments = {b.edge_type: b.segments for b in plan.blocks}.get(edge_type)
    return segment_reduce(x, segments) if segments else x.new_zeros(count, x.shape[1])


def _none(message: Tensor, x: Tensor) -> Segments:
    """No edges at all."""
    none = torch.zeros(len(x) + 1, dtype=torch.int32, device=x.device)
    return Segments(none[:0], none, len(message))
