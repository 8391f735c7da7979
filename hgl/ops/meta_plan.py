"""The edges of all meta-relations of a layer, grouped by receiver, then meta-relation.

A group is a pair (receiver, meta-relation): a softmax runs over its edges. The groups of a receiver
follow one another, so a sum over all its meta-relations is a sum over one segment, and no
[groups, channels] tensor is made. `RelationPlan` has the relations outside, the nodes inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from hgl.errors import SchemaError
from hgl.ops.meta_pairs import MetaPairs
from hgl.ops.meta_paths import MetaPaths
from hgl.ops.plan import RelationPlan
from hgl.ops.segments import Segments, expand, index_type, pointer
from hgl.typing import NodeType


@dataclass(frozen=True, eq=False)
class MetaPlan:
    """Edges along meta-relations, in group order.

    Groups are numbered by receiving type, then node, then meta-relation.

    Attributes:
        paths: the meta-relations.
        src: [num_edges] int64 sender of each edge, counted within its type.
        ptr: [num_groups + 1] int64 first edge of each group.
        num_src: nodes per type on the sending side, types in canonical order.
        num_dst: nodes per type on the receiving side, a prefix of the sending side of that type.
    """

    paths: MetaPaths
    src: Tensor
    ptr: Tensor
    num_src: Mapping[NodeType, int]
    num_dst: Mapping[NodeType, int]

    @classmethod
    def from_relations(cls, plan: RelationPlan, paths: MetaPaths) -> MetaPlan:
        """Regroup a graph's or batch's relations; counts and gathers, sorts nothing.

        Nodes that are no targets of `plan` become receivers without edges.

        Args:
            paths: one meta-relation of order 1 per relation.
        Raises: SchemaError: the relations or types of the plan are not those of `paths`.
        """
        if [(e,) for e in plan.edge_types] != paths.paths or [*plan.num_src] != paths.node_types:
            raise SchemaError(
                f"the graph has node types {[*plan.num_src]} and edge types {plan.edge_types}; "
                f"the model's metadata has {paths.node_types} and {[p for (p,) in paths.paths]}"
            )
        slots = _slot_order(plan, paths)
        degree = torch.cat([plan.ptr.diff(), plan.ptr.new_zeros(1)]).long()[slots]
        ptr, edges = pointer(degree), plan.src.numel()
        shift = plan.ptr.long()[slots] - ptr[:-1]
        place = torch.arange(edges, device=plan.src.device)
        place += shift.repeat_interleave(degree, output_size=edges)
        grouped = cls(paths, plan.src.long()[place], ptr, plan.num_src, plan.num_src)
        return replace(grouped, src=grouped.src - grouped.first_sender[grouped.relation])

    def narrowed(
        self, num_src: Mapping[NodeType, int], num_dst: Mapping[NodeType, int]
    ) -> MetaPlan:
        """The edges of the first `num_dst` receivers, whose senders are among `num_src`."""
        if (dict(num_src), dict(num_dst)) == (dict(self.num_src), dict(self.num_dst)):
            return self
        first = self.received.first
        bounds = [(first[t], first[t] + n * self.width(t)) for t, n in num_dst.items()]
        ends = self.ptr[torch.tensor(bounds, device=self.ptr.device)].tolist()
        src = torch.cat([self.src[begin:end] for begin, end in ends])
        degree = torch.cat([self.degree[begin:end] for begin, end in bounds])
        return MetaPlan(self.paths, src, pointer(degree), dict(num_src), dict(num_dst))

    def selected(self, keep: Tensor) -> MetaPlan:
        """The edges for which `keep`, [num_edges] bool, is true."""
        degree = torch.bincount(self.group[keep], minlength=self.received.count)
        return replace(self, src=self.src[keep], ptr=pointer(degree))

    @classmethod
    def joined(cls, parts: Sequence[MetaPlan], paths: MetaPaths) -> MetaPlan:
        """The edges of several plans over the same nodes as one; sorts them by group.

        Args:
            paths: the meta-relations of all parts.
        """
        whole = cls(paths, parts[0].src, parts[0].ptr, parts[0].num_src, parts[0].num_dst)
        numbers = [part._long([paths.number[p] for p in part.paths.paths]) for part in parts]
        groups = [
            whole.received.number(part.dst, number[part.relation])
            for part, number in zip(parts, numbers, strict=True)
        ]
        group, order = torch.cat(groups).sort(stable=True)
        degree = torch.bincount(group, minlength=whole.received.count)
        return replace(whole, src=torch.cat([p.src for p in parts])[order], ptr=pointer(degree))

    def width(self, node_type: NodeType) -> int:
        """Meta-relations that lead to a type, that is groups of each of its nodes."""
        return len(self.paths.receiving[node_type])

    @property
    def num_edges(self) -> int:
        """Edges, duplicates included."""
        return self.src.numel()

    @cached_property
    def received(self) -> MetaPairs:
        """The groups."""
        return MetaPairs.received(self.paths, self.num_dst, self.ptr.device)

    @cached_property
    def sent(self) -> MetaPairs:
        """The (sender, meta-relation) pairs."""
        return MetaPairs.sent(self.paths, self.num_src, self.ptr.device)

    @cached_property
    def degree(self) -> Tensor:
        """[num_groups] edges of each group."""
        return self.ptr.diff()

    @cached_property
    def group_relation(self) -> Tensor:
        """[num_groups] number of each group's meta-relation."""
        numbers = self._long([i for ids in self.paths.receiving.values() for i in ids])
        widths = [self.width(t) for t in self.num_dst]
        parts = numbers.split(widths)
        return torch.cat([p.repeat(n) for p, n in zip(parts, self.num_dst.values(), strict=True)])

    @cached_property
    def group(self) -> Tensor:
        """[num_edges] group of each edge."""
        return expand(self.ptr, self.num_edges)

    @cached_property
    def relation(self) -> Tensor:
        """[num_edges] number of each edge's meta-relation."""
        return self.group_relation[self.group]

    @cached_property
    def dst(self) -> Tensor:
        """[num_edges] receiver of each edge, counted within its type."""
        return self.received.node(self.group, self.relation)

    @cached_property
    def counts(self) -> Tensor:
        """[meta-relations] edges of each."""
        return torch.bincount(self.relation, minlength=len(self.paths))

    @cached_property
    def first_sender(self) -> Tensor:
        """[meta-relations] where the nodes of the sending type begin, types concatenated."""
        return self.first_sender_of(self.paths)

    def first_sender_of(self, paths: MetaPaths) -> Tensor:
        """[meta-relations] the same for any meta-relations over this plan's nodes."""
        starts = accumulate(self.num_src.values(), initial=0)
        first = dict(zip(self.num_src, starts, strict=False))
        return self._long([first[p[0][0]] for p in paths.paths])

    @cached_property
    def nodes(self) -> Segments:
        """Receivers gather senders along all meta-relations; types are concatenated."""
        firsts = self.received.first
        ptr = [
            self.ptr[firsts[t] : firsts[t] + self.width(t) * n : self.width(t)]
            if self.width(t)
            else self.ptr[firsts[t]].expand(n)
            for t, n in self.num_dst.items()
        ]
        src = self.src + self.first_sender[self.relation]
        return _segments(src, torch.cat([*ptr, self.ptr[-1:]]), sum(self.num_src.values()))

    @cached_property
    def groups(self) -> Segments:
        """Groups gather senders; types are concatenated."""
        return _segments(self.nodes.src, self.ptr, self.nodes.num_src)

    @cached_property
    def pairs(self) -> Segments:
        """Groups gather (sender, meta-relation) pairs: for what differs by meta-relation."""
        return _segments(self.sent.number(self.src, self.relation), self.ptr, self.sent.count)

    def _long(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self.ptr.device)


def _segments(src: Tensor, ptr: Tensor, num_src: int) -> Segments:
    kind = index_type(src.numel(), ptr.numel(), num_src)
    return Segments(src.to(kind), ptr.to(kind), num_src)


def _slot_order(plan: RelationPlan, paths: MetaPaths) -> Tensor:
    """[groups] slot of each; the number of slots where a group's node is no target."""
    first, orders = 0, list[Tensor]()
    for node_type, targets in plan.num_dst.items():
        width = len(paths.receiving[node_type])
        node = torch.arange(plan.num_src[node_type], device=plan.src.device).unsqueeze(1)
        slot = first + node + targets * torch.arange(width, device=plan.src.device)
        orders.append(slot.masked_fill(node >= targets, plan.num_slots).flatten())
        first += width * targets
    return torch.cat(orders)
