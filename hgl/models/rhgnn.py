"""R-HGNN: heterogeneous graph neural network with relation-aware representations.

Source: Yu, Sun, Du, Liu and Lv, arXiv:2105.11122. Written from its equations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from hgl.errors import check_range
from hgl.models.network import GraphNetwork
from hgl.nn.relation_mixing import RelationFusing
from hgl.nn.rhgnn_conv import RHGNNConv
from hgl.ops import RelationPlan, check_depth, check_reverses
from hgl.typing import EdgeType, Metadata, NodeType


class RHGNN(GraphNetwork):
    """Layers of `RHGNNConv`, then the relations of each node fused into one vector.

    A node type that no relation enters keeps the vector it came with.

    Args:
        metadata: node types and edge types, each with its reverse.
        channels: width throughout, over all heads.
        num_layers: hops.
        heads: attention heads.
        relation_channels: width of a relation's state, per head after the first layer.
        dropout: probability around each layer and after fusing.
        norm: LayerNorm per node type after each layer.
        in_channels: input width per node type, each then mapped to `channels`; None for inputs
            that have that width already.
        crossing: False leaves out the crossing of relations, for ablation.
        fusing: False takes the mean over relations instead, for ablation.
        relation_states: False starts all relations with the same fixed state, for ablation.
    Raises: SchemaError: the metadata contradicts itself, or an edge type has no reverse.
        ConfigError: a number is out of range, or channels are not divisible by heads.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 2,
        heads: int = 8,
        relation_channels: int = 8,
        dropout: float = 0.0,
        norm: bool = False,
        in_channels: Mapping[NodeType, int] | None = None,
        crossing: bool = True,
        fusing: bool = True,
        relation_states: bool = True,
    ) -> None:
        super().__init__(metadata, num_layers=num_layers)
        check_range("channels", channels, 1)
        check_range("heads", heads, 1)
        check_range("relation_channels", relation_channels, 1)
        check_range("gnn.dropout", dropout, 0, 1)
        check_reverses(self.edge_types)
        self.inputs = nn.ModuleList(
            nn.Linear(in_channels[t], channels) for t in self.node_types if in_channels
        )
        entering = {t: sum(e[2] == t for e in self.edge_types) for t in self.node_types}
        self.relation = nn.Parameter(
            torch.empty(len(self.edge_types), relation_channels), requires_grad=relation_states
        )
        self.convs = nn.ModuleList(
            RHGNNConv(
                metadata,
                channels=channels,
                heads=heads,
                relation_in=relation_channels * (heads if layer else 1),
                relation_out=relation_channels,
                dropout=dropout,
                crossing=crossing,
            )
            for layer in range(num_layers)
        )
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.LayerNorm(channels) for _ in self.node_types if norm)
            for _ in range(num_layers)
        )
        self.fuse = nn.ModuleList(
            RelationFusing(
                count,
                channels=channels // heads,
                heads=heads,
                relation_channels=relation_channels,
                dropout=dropout,
            )
            if count
            else nn.Identity()
            for count in entering.values()
        )
        self.fusing = fusing
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-normal with gain sqrt(2) for inputs and relation states, as the paper's code."""
        for parameter in self.inputs.parameters():
            if parameter.dim() == 2:
                nn.init.xavier_normal_(parameter, gain=2**0.5)
            else:
                nn.init.zeros_(parameter)
        if self.relation.requires_grad:
            nn.init.xavier_normal_(self.relation, gain=2**0.5)
        else:
            nn.init.ones_(self.relation)
        for module in (*self.convs, *self.fuse):
            if not isinstance(module, nn.Identity):
                module.reset_parameters()

    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """See `GraphNetwork`; `x_dict` has the widths `in_channels` where those are given."""
        check_depth(len(self.convs), plans)
        if self.inputs:
            x_dict = {t: f(x_dict[t]) for t, f in zip(self.node_types, self.inputs, strict=True)}
        x = torch.cat([x_dict[t] for t in self.node_types])
        relation = self.relation
        following = [*(plan.held for plan in plans[1:]), None]
        for layer, (conv, norms, plan, keep) in enumerate(
            zip(self.convs, self.norms, plans, following, strict=True)
        ):
            x, relation = conv(x, relation, plan, per_slot=layer > 0, keep=keep)
            x = self._normed(x, [*norms.children()], plan, keep)
        return self._fused(x, relation, x_dict, plans[-1])

    def _normed(
        self,
        x: Tensor,
        norms: Sequence[nn.Module],
        plan: RelationPlan,
        keep: Collection[EdgeType] | None,
    ) -> Tensor:
        if not norms:
            return x
        parts = zip(norms, self._by_type(x, plan, keep).values(), strict=True)
        return torch.cat([norm(part).flatten(0, 1) for norm, part in parts])

    def _fused(
        self, x: Tensor, relation: Tensor, x_dict: Mapping[NodeType, Tensor], plan: RelationPlan
    ) -> dict[NodeType, Tensor]:
        out, first = {}, 0
        for (node_type, part), fuse in zip(self._by_type(x, plan).items(), self.fuse, strict=True):
            states = relation[first : first + len(part)]
            first += len(part)
            if not len(part):
                out[node_type] = x_dict[node_type][: plan.num_dst[node_type]]
            else:
                out[node_type] = fuse(part, states) if self.fusing else part.mean(0)
        return out

    def _by_type(
        self, x: Tensor, plan: RelationPlan, keep: Collection[EdgeType] | None = None
    ) -> dict[NodeType, Tensor]:
        """[slots kept, channels] to [relations, nodes, channels] per node type."""
        kept = self.edge_types if keep is None else keep
        shapes = [(sum(e[2] == t for e in kept), plan.num_dst[t]) for t in self.node_types]
        parts = x.split([relations * count for relations, count in shapes])
        return {
            t: part.view(*shape, x.shape[1])
            for t, part, shape in zip(self.node_types, parts, shapes, strict=True)
        }
