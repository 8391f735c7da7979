"""R-HGNN: heterogeneous graph neural network with relation-aware representations.

Source: Yu, Sun, Du, Liu and Lv, arXiv:2105.11122. Written from its equations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from hgl.errors import check_range
from hgl.models.network import GraphNetwork
from hgl.nn.relation_mixing import RelationFusing
from hgl.nn.rhgnn_conv import RHGNNConv
from hgl.ops import CopiedRows, RelationPlan, check_depth, check_reverses
from hgl.typing import EdgeType, Metadata, NodeType


class _Step(NamedTuple):
    """What goes into a layer and what comes out of it."""

    x: list[CopiedRows]
    state: Tensor
    out: list[Tensor]
    state_out: Tensor


class RHGNN(GraphNetwork):
    """Layers of `RHGNNConv`, then the relations of each node fused into one vector.

    A node type that no relation enters keeps the vector it came with.

    Args:
        metadata: node types and edge types, each with its reverse.
        channels: width throughout, over all heads.
        num_layers: hops.
        heads: attention heads.
        relation_channels: width of a relation's state, per head after the first layer.
        dropout: probability before and after each layer and after fusing; without `norm`, one mask
            does for leaving a layer and entering the next.
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
                dropout=_twice(dropout) if layer and not norm else dropout,
                crossing=crossing,
            )
            for layer in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)
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
        copied = {t: CopiedRows(x) for t, x in self._mapped(x_dict).items()}
        return self.forward_copies(copied, plans)

    def forward_copies(
        self, copied: Mapping[NodeType, CopiedRows], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """Like `forward_plans`, of a batch's distinct rows and which of them are copied.

        Args:
            copied: [plans[0].num_src[t], channels] per node type t.
        """
        last = deque(self._layers(copied, plans), maxlen=1).pop()
        return self._fused(last.out, last.state_out, copied, plans[-1])

    def relation_weights(
        self, x_dict: Mapping[NodeType, Tensor], edge_index_dict: Mapping[EdgeType, Tensor]
    ) -> dict[NodeType, Tensor]:
        """How much each relation of a node counts in its output.

        What fusing gives a relation's vector is shared out as the last layer's crossing made that
        vector from all relations.

        Args: see `forward`.
        Returns: [relations, nodes, heads] per node type, relations in the order of the edge types
            that enter it; they sum to 1 per node and head.
        """
        plans = self.whole_graph(x_dict, edge_index_dict)
        return self.relation_weights_plans({t: x_dict[t] for t in self.node_types}, plans)

    def relation_weights_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """Like `relation_weights`, of the seeds' side of a batch; see `forward_plans`."""
        copied = {t: CopiedRows(x) for t, x in self._mapped(x_dict).items()}
        last = deque(self._layers(copied, plans), maxlen=1).pop()
        crossed = self.convs[-1].crossing_weights(
            last.x, last.state, plans[-1], per_slot=len(plans) > 1
        )
        states = last.state_out.split([len(part) for part in last.out])
        return {
            t: torch.einsum("qnh,qrnh->rnh", fuse.fuse(part, state)[1], weight)
            if len(part)
            else part.new_zeros(0, part.shape[1], 1)
            for t, part, state, weight, fuse in zip(
                self.node_types, last.out, states, crossed, self.fuse, strict=True
            )
        }

    def _mapped(self, x_dict: dict[NodeType, Tensor]) -> dict[NodeType, Tensor]:
        if not self.inputs:
            return x_dict
        return {t: f(x_dict[t]) for t, f in zip(self.node_types, self.inputs, strict=True)}

    def _layers(
        self, copied: Mapping[NodeType, CopiedRows], plans: Sequence[RelationPlan]
    ) -> Iterator[_Step]:
        check_depth(len(self.convs), plans)
        x, relation = [copied[t] for t in self.node_types], cast("Tensor", self.relation)
        following = [*(plan.held for plan in plans[1:]), None]
        for layer, (conv, norms, plan, keep) in enumerate(
            zip(self.convs, self.norms, plans, following, strict=True)
        ):
            out, state = conv.forward_plan(x, relation, plan, per_slot=layer > 0, keep=keep)
            if norms or keep is None:
                out = [self.dropout(part) for part in out]
            if norms:
                out = [norm(part) for norm, part in zip(norms, out, strict=True)]
            yield _Step(x, relation, out, state)
            x, relation = [CopiedRows(part.flatten(0, 1)) for part in out], state

    def _fused(
        self,
        x: Sequence[Tensor],
        relation: Tensor,
        copied: Mapping[NodeType, CopiedRows],
        plan: RelationPlan,
    ) -> dict[NodeType, Tensor]:
        out, first = {}, 0
        for node_type, part, fuse in zip(self.node_types, x, self.fuse, strict=True):
            states = relation[first : first + len(part)]
            first += len(part)
            if not len(part):
                out[node_type] = copied[node_type].dense()[: plan.num_dst[node_type]]
            else:
                out[node_type] = fuse(part, states) if self.fusing else part.mean(0)
        return out


def _twice(dropout: float) -> float:
    """One probability for what leaves a layer and enters the next with nothing in between."""
    return 1 - (1 - dropout) ** 2
