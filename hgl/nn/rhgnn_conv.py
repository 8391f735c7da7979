"""The R-HGNN layer (arXiv:2105.11122) on one slot plan: every relation in the same few calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from hgl.errors import ConfigError, check_multiple
from hgl.nn.relation_mixing import (
    NEGATIVE_SLOPE,
    CrossRelationMessagePassing,
    crossing_weights,
)
from hgl.ops import (
    CopiedRows,
    RelationPlan,
    by_target,
    canonical,
    check_features,
    copied_linear,
    gated_crossing,
    segment_softmax_sum,
)
from hgl.typing import EdgeType, Metadata, NodeType, reverse_of


class RHGNNConv(nn.Module):
    """A node has one vector per relation that enters its type; so have its neighbours.

    Along relation r, a source sends the vector it has under the reverse of r, weighed by attention
    whose query comes from r's own state. The sum is gated with a residual, then the relations of
    each node attend to each other (`CrossRelationMessagePassing`), and r's state moves on.

    Differs from the paper's code: dropout has one mask per slot, or per row where rows are copied,
    and the scores multiply the
    attention vectors into the projection first, so that no [slots, channels] product is made.

    Args:
        metadata: node types and edge types; each edge type's reverse is among them.
        channels: width in and out, over all heads.
        heads: attention heads.
        relation_in: width of the relation states that come in.
        relation_out: width of those that go out, per head.
        dropout: probability on the vectors that come in.
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
        x_dict: Mapping[NodeType, Tensor],
        edge_index_dict: Mapping[EdgeType, Tensor],
        relation: Tensor,
    ) -> tuple[dict[NodeType, Tensor], Tensor]:
        """Run on any heterogeneous graph.

        Args:
            x_dict: per node type [nodes, channels], the same under all relations of a node, or
                [relations, nodes, channels] as such a layer returns them.
            edge_index_dict: [2, num_edges] int64 per edge type; an absent one counts as empty.
            relation: [relations, relation_in] states, in the order of `edge_types`.
        Returns: [relations, nodes, channels] per node type, relations in the order of `edge_types`,
            and [relations, heads * relation_out] states.
        Raises: SchemaError: the types are not those of `metadata`, features are NaN, or an edge
            leads nowhere.
            ConfigError: a shape does not fit.
        """
        check_features("x_dict", x_dict, self.node_types)
        num_nodes = {t: x_dict[t].shape[-2] for t in self.node_types}
        self._check_shapes(x_dict, relation)
        plan = RelationPlan.from_edges(edge_index_dict, num_nodes, sorted(self.edge_types))
        x = [CopiedRows(x_dict[t].reshape(-1, x_dict[t].shape[-1])) for t in self.node_types]
        per_slot = x_dict[self.node_types[0]].dim() == 3
        out, state = self.forward_plan(x, relation, plan, per_slot=per_slot)
        return dict(zip(self.node_types, out, strict=True)), state

    def forward_plan(
        self,
        x: Sequence[CopiedRows],
        relation: Tensor,
        plan: RelationPlan,
        *,
        per_slot: bool,
        keep: Collection[EdgeType] | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        """Run on a plan, hence on a batch.

        Args:
            x: per node type the vectors of its source slots, relation by relation as in
                `plan.held`; with `per_slot=False` those of its source nodes, where a node's vector
                is the same under all its relations.
            relation: [relations, relation_in] states, in slot order.
            plan: the edges.
            keep: relations whose slots are returned, the next plan's `held`; None for all.
        Returns: [relations kept, targets, channels] vectors per node type and [relations, heads *
            relation_out] states.
        """
        # Dropout falls on a row once for all its copies, so that rows are mapped before copying.
        x = [dataclasses.replace(part, rows=self.dropout(part.rows)) for part in x]
        pooled = self._pooled(x, relation, plan, per_slot)
        mixed = self._mix(pooled, x, plan, set(self.edge_types if keep is None else keep))
        state = torch.einsum("rc,rco->ro", relation, self.relation) + self.relation_bias
        return mixed, state

    def crossing_weights(
        self, x: Sequence[CopiedRows], relation: Tensor, plan: RelationPlan, *, per_slot: bool
    ) -> list[Tensor]:
        """What the vector of each relation takes from all relations of its node.

        Args: see `forward_plan`.
        Returns: [relations, relations, targets, heads] per node type; sums over the second are 1.
        """
        out = []
        for t, z in enumerate(self._by_type(self._pooled(x, relation, plan, per_slot), plan)):
            relations, count = z.shape[:2]
            if self.crossing and relations > 1 and count:
                own = self._residual(t, x[t], plan) + self.residual_bias[t]
                gated = torch.lerp(own, z.relu(), self.gate[t].sigmoid())
                query = cast("CrossRelationMessagePassing", self.cross[t]).query
                out.append(crossing_weights(gated.unflatten(2, query.shape[1:]), query))
            else:
                same = torch.eye(relations, dtype=z.dtype, device=z.device)
                out.append(same[:, :, None, None].expand(-1, -1, count, self.heads))
        return out

    def _pooled(
        self, x: Sequence[CopiedRows], relation: Tensor, plan: RelationPlan, per_slot: bool
    ) -> Tensor:
        """[target slots, heads, channels / heads]: what each slot receives."""
        score_src, score_dst = self._scores(x, relation, plan, per_slot)
        return segment_softmax_sum(
            copied_linear(x, self.project.unbind()).unflatten(1, (self.heads, -1)),
            score_src,
            score_dst,
            plan.slots,
            negative_slope=NEGATIVE_SLOPE,
            rows=None if per_slot else plan.nodes,
        )

    def _by_type(self, pooled: Tensor, plan: RelationPlan) -> list[Tensor]:
        """[relations, targets, channels] per node type."""
        counts = [plan.num_dst[t] for t in self.node_types]
        # A slice's gradient zero-fills the whole tensor, a split's does not.
        sums = pooled.flatten(1).split([n * r for n, r in zip(counts, self.entering)])
        return [z.view(r, n, z.shape[1]) for z, r, n in zip(sums, self.entering, counts)]

    def _residual(self, t: int, x: CopiedRows, plan: RelationPlan) -> Tensor:
        """[relations or 1, targets, channels] of the t-th node type, before the bias."""
        node_type = self.node_types[t]
        return _targets(x, self.residual[t], plan.num_src[node_type], plan.num_dst[node_type])

    def _check_shapes(self, x_dict: Mapping[NodeType, Tensor], relation: Tensor) -> None:
        channels = self.project.shape[1]
        shape = len(self.edge_types), self.attention.shape[1]
        if relation.shape != shape:
            raise ConfigError(f"relation has shape {list(relation.shape)}, expected {list(shape)}")
        per_slot = x_dict[self.node_types[0]].dim() == 3
        for node_type, entering in zip(self.node_types, self.entering, strict=True):
            found = x_dict[node_type].shape
            expected = [*[entering] * per_slot, found[-2], channels]
            if list(found) != expected:
                raise ConfigError(
                    f"x_dict[{node_type!r}] has shape {list(found)}, expected {expected}"
                )

    def _scores(
        self, x: Sequence[CopiedRows], relation: Tensor, plan: RelationPlan, per_slot: bool
    ) -> tuple[Tensor, Tensor]:
        """[source slots, heads] as a sender and [target slots, heads] as a receiver."""
        query = torch.einsum("rc,rco->ro", relation, self.attention)
        received, sent = query.unflatten(1, (2, self.heads, -1)).unbind(1)
        # A slot receives along its own relation and sends along the reverse of it.
        pair = torch.stack([received, sent[self._reverse]], 1)
        project = self.project[self._type].unflatten(2, (self.heads, -1))
        folded = torch.einsum("rihd,rkhd->rikh", project, pair).flatten(2)
        senders = [x[0].rows.new_zeros(0, self.heads)]
        receivers = list(senders)
        for part, node_type in zip(x, self.node_types):
            kinds = [i for i, e in enumerate(self.edge_types) if e[2] == node_type]
            kinds = [i for i in kinds if self.edge_types[i] in plan.source_slots]
            if kinds:
                score = _per_relation(part, folded[kinds], per_slot)
                senders.append(score[:, :, self.heads :].flatten(0, 1))
                count = plan.num_dst[node_type]
                receivers.append(score[:, :count, : self.heads].flatten(0, 1))
        return torch.cat(senders), torch.cat(receivers)

    def _mix(
        self, pooled: Tensor, x: Sequence[CopiedRows], plan: RelationPlan, keep: set[EdgeType]
    ) -> list[Tensor]:
        """Gate with the residual, then cross; [relations kept, targets, channels] per type."""
        out = []
        for t, z in enumerate(self._by_type(pooled, plan)):
            relations = [e for e in self.edge_types if e[2] == self.node_types[t]]
            asked = [i for i, e in enumerate(relations) if e in keep]
            if asked and z.shape[1]:
                own, bias = self._residual(t, x[t], plan), self.residual_bias[t]
                gate = self.gate[t].sigmoid()
                if self.crossing:
                    query = cast("CrossRelationMessagePassing", self.cross[t]).query[asked]
                    out.append(
                        gated_crossing(z, own, bias, gate, query, negative_slope=NEGATIVE_SLOPE)
                    )
                else:
                    out.append(torch.lerp(own + bias, z.relu(), gate)[asked])
            else:
                out.append(z.new_zeros(len(asked), *z.shape[1:]))
        return out


def _targets(x: CopiedRows, matrix: Tensor, nodes: int, count: int) -> Tensor:
    """[1 or relations, count, out] of the first of a type's nodes, times a matrix."""
    if x.copies is None and count < nodes:
        # The gradient of a split is one concatenation; that of a slice zero-fills for each.
        groups = len(x) // nodes
        parts = [CopiedRows(p) for p in x.rows.split([count, nodes - count] * groups)[::2]]
        return copied_linear(parts, [matrix] * groups).unflatten(0, (groups, count))
    mapped = copied_linear([x], [matrix]).unflatten(0, (-1, nodes))
    return mapped[:, :count] if count < nodes else mapped


def _per_relation(x: CopiedRows, matrix: Tensor, per_slot: bool) -> Tensor:
    """[relations, nodes, out] of a type's slots or nodes and [relations, in, out] matrices."""
    if per_slot:
        return x.rows.unflatten(0, (len(matrix), -1)) @ matrix
    side_by_side = copied_linear([x], [matrix.transpose(0, 1).flatten(1)])
    return side_by_side.unflatten(1, (len(matrix), -1)).transpose(0, 1)
