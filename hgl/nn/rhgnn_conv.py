"""The R-HGNN layer (arXiv:2105.11122) on one slot plan: every relation in the same few calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn

from hgl.errors import check_multiple
from hgl.nn.chunked import chunked
from hgl.nn.relation_mixing import NEGATIVE_SLOPE, CrossRelationMessagePassing, cross
from hgl.ops import (
    RelationPlan,
    by_target,
    canonical,
    edge_score,
    grouped_linear,
    segment_softmax,
    weighted_segment_sum,
)
from hgl.typing import EdgeType, Metadata, reverse_of


class RHGNNConv(nn.Module):
    """A node has one vector per relation that enters its type; so have its neighbours.

    Along relation r, a source sends the vector it has under the reverse of r, weighed by attention
    whose query comes from r's own state. The sum is gated with a residual, then the relations of
    each node attend to each other (`CrossRelationMessagePassing`), and r's state moves on.

    Differs from the paper's code: dropout has one mask per slot, and the scores multiply the
    attention vectors into the projection first, so that no [slots, channels] product is made.

    Args:
        metadata: node types and edge types; each edge type's reverse is among them.
        channels: width in and out, over all heads.
        heads: attention heads.
        relation_in: width of the relation states that come in.
        relation_out: width of those that go out, per head.
        dropout: probability on the vectors that come in and on those that go out.
        crossing: False leaves out the crossing, for ablation.
    Raises: ConfigError: channels are not divisible by heads.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        heads: int,
        relation_in: int,
        relation_out: int,
        dropout: float = 0.0,
        crossing: bool = True,
    ) -> None:
        super().__init__()
        check_multiple("channels", channels, "heads", heads)
        self.node_types, edge_types = canonical(metadata)
        self.edge_types = by_target(self.node_types, edge_types)
        self.heads, self.crossing = heads, crossing
        types, relations = len(self.node_types), len(self.edge_types)
        self.project = nn.Parameter(torch.empty(types, channels, channels))
        self.residual = nn.Parameter(torch.empty(types, channels, channels))
        self.residual_bias = nn.Parameter(torch.empty(types, channels))
        self.gate = nn.Parameter(torch.empty(types))
        self.attention = nn.Parameter(torch.empty(relations, relation_in, 2 * channels))
        self.relation = nn.Parameter(torch.empty(relations, relation_in, heads * relation_out))
        self.relation_bias = nn.Parameter(torch.empty(relations, heads * relation_out))
        self.entering = [sum(e[2] == t for e in self.edge_types) for t in self.node_types]
        self.cross = nn.ModuleList(
            CrossRelationMessagePassing(count, channels=channels // heads, heads=heads)
            if count
            else nn.Identity()
            for count in self.entering
        )
        self.dropout = nn.Dropout(dropout)
        self._type = [self.node_types.index(e[2]) for e in self.edge_types]
        self._reverse = [self.edge_types.index(reverse_of(e)) for e in self.edge_types]
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-normal with gain sqrt(2); gates from N(0, 1), as the paper's code."""
        for stack in (self.project, self.residual, self.attention, self.relation):
            for matrix in stack:
                nn.init.xavier_normal_(matrix, gain=2**0.5)
        nn.init.zeros_(self.residual_bias)
        nn.init.zeros_(self.relation_bias)
        nn.init.normal_(self.gate)

    def forward(
        self,
        x: Tensor,
        relation: Tensor,
        plan: RelationPlan,
        *,
        per_slot: bool,
        keep: Collection[EdgeType] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run one layer.

        Args:
            x: [source slots, channels], in the order of `plan.slots`; with `per_slot=False` [source
                nodes, channels], where a node's vector is the same under all its relations.
            relation: [relations, relation_in] states, in slot order.
            plan: the edges.
            keep: relations whose slots are returned, the next plan's `held`; None for all.
        Returns: [target slots kept, channels] vectors and [relations, heads * relation_out] states.
        """
        x = self.dropout(x)
        held = [[e for e in plan.held if e[2] == t] for t in self.node_types]
        copies = [len(kinds) if per_slot else 1 for kinds in held]
        # A slice's gradient zero-fills all of `x`, a split's does not.
        rows = [plan.num_src[t] * n for t, n in zip(self.node_types, copies)]
        parts = [
            part.unflatten(0, (n, plan.num_src[t])) if n else part.unsqueeze(0)
            for part, t, n in zip(x.split(rows), self.node_types, copies)
        ]
        score_src, score_dst = self._scores(parts, relation, plan, held)
        score = edge_score(score_src, score_dst, plan.slots, negative_slope=NEGATIVE_SLOPE)
        sent = grouped_linear(x, self.project, [0, *accumulate(rows)])
        pooled = weighted_segment_sum(
            sent.unflatten(1, (self.heads, -1)),
            segment_softmax(score, plan.slots),
            plan.slots if per_slot else plan.nodes,
        )
        mixed = self._mix(pooled, parts, plan, set(self.edge_types if keep is None else keep))
        state = torch.einsum("rc,rco->ro", relation, self.relation) + self.relation_bias
        return self.dropout(mixed), state

    def _scores(
        self,
        parts: Sequence[Tensor],
        relation: Tensor,
        plan: RelationPlan,
        held: Sequence[Sequence[EdgeType]],
    ) -> tuple[Tensor, Tensor]:
        """[source slots, heads] as a sender and [target slots, heads] as a receiver."""
        query = torch.einsum("rc,rco->ro", relation, self.attention)
        received, sent = query.unflatten(1, (2, self.heads, -1)).unbind(1)
        # A slot receives along its own relation and sends along the reverse of it.
        pair = torch.stack([received, sent[self._reverse]], 1)
        project = self.project[self._type].unflatten(2, (self.heads, -1))
        folded = torch.einsum("rihd,rkhd->rikh", project, pair).flatten(2)
        senders, receivers = [x.new_zeros(0, self.heads) for x in parts[:1]], list[Tensor]()
        for x, node_type, kinds in zip(parts, self.node_types, held):
            if kinds:
                score = x @ folded[[self.edge_types.index(e) for e in kinds]]
                senders.append(score[:, :, self.heads :].flatten(0, 1))
                count = plan.num_dst[node_type]
                receivers.append(score[:, :count, : self.heads].flatten(0, 1))
        return torch.cat(senders), torch.cat([senders[0], *receivers])

    def _mix(
        self, pooled: Tensor, parts: Sequence[Tensor], plan: RelationPlan, keep: set[EdgeType]
    ) -> Tensor:
        """Gate with the residual, then cross; [target slots kept, channels]."""
        counts = [plan.num_dst[t] for t in self.node_types]
        sums = pooled.flatten(1).split([n * r for n, r in zip(counts, self.entering)])
        out = [pooled.new_zeros(0, pooled.shape[1] * pooled.shape[2])]
        for t, (x, z, count) in enumerate(zip(parts, sums, counts)):
            relations = [e for e in self.edge_types if e[2] == self.node_types[t]]
            asked = [i for i, e in enumerate(relations) if e in keep]
            if asked and count:
                own = x[:, :count] @ self.residual[t] + self.residual_bias[t]
                z = z.unflatten(0, (len(relations), count))
                shared = [self.gate[t].sigmoid()]
                if self.crossing:
                    shared.append(cast("CrossRelationMessagePassing", self.cross[t]).query[asked])
                gated = _gate_and_cross if self.crossing else partial(_gate, kept=asked)
                out.append(chunked(gated, [z, own], shared).flatten(0, 1))
        return torch.cat(out)


def _gate(z: Tensor, own: Tensor, gate: Tensor, kept: Sequence[int]) -> Tensor:
    """Of [relations, nodes, channels] sums and [1 or relations, nodes, channels] residuals."""
    return torch.lerp(own, z.relu(), gate)[kept]


def _gate_and_cross(z: Tensor, own: Tensor, gate: Tensor, query: Tensor) -> Tensor:
    return cross(torch.lerp(own, z.relu(), gate).unflatten(2, query.shape[1:]), query).flatten(2)
