"""All edges that enter a node as one segment: what attention over all relations at once runs on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hgl.ops.segments import Segments, expand, pointer
from hgl.typing import NodeType

if TYPE_CHECKING:
    from hgl.ops.plan import RelationPlan


@dataclass(frozen=True, eq=False)
class JoinedEdges:
    """A plan's edges by target type, then target, then relation.

    Attributes:
        nodes: targets gather nodes, types concatenated on either side; `order` leads to the plan's
            own edge list.
        senders: targets gather (relation, source) pairs, numbered as `RelationPlan.sender_slots`.
        relation: [num_edges] position of each edge's relation among the plan's `edge_types`.
        type_edges: edges that enter each node type.
    """

    nodes: Segments
    senders: Segments
    relation: Tensor
    type_edges: dict[NodeType, int]


def join(plan: RelationPlan) -> JoinedEdges:
    """Put a plan's edges in the order of their targets; index arithmetic, no sort."""
    degree, num_edges = plan.ptr.diff(), plan.src.numel()
    slot, entering = _slots_by_node(plan, degree)
    count = degree[slot]
    shift = plan.ptr[:-1][slot] - pointer(count)[:-1]
    order = torch.arange(num_edges, dtype=plan.src.dtype, device=plan.src.device)
    order += shift.repeat_interleave(count, output_size=num_edges)
    ends = [*(slots.start for slots in plan.target_slots.values()), plan.num_slots]
    relation = expand(torch.tensor(ends, device=slot.device), plan.num_slots)[slot]
    ptr = pointer(entering)
    nodes = [0, *accumulate(plan.num_dst.values())]
    first = ptr[torch.tensor(nodes, device=ptr.device)].tolist()

    def segments(gathered: Segments) -> Segments:
        kind = gathered.src.dtype
        return Segments(gathered.src[order], ptr.to(kind), gathered.num_src, order)

    return JoinedEdges(
        nodes=segments(plan.nodes),
        senders=segments(plan.senders),
        relation=relation.repeat_interleave(count, output_size=num_edges),
        type_edges={t: b - a for t, a, b in zip(plan.num_dst, first, first[1:])},
    )


def _slots_by_node(plan: RelationPlan, degree: Tensor) -> tuple[Tensor, Tensor]:
    """[num_slots] slots by type, node, relation, and [targets] edges that enter each node."""
    slots, entering, first = list[Tensor](), list[Tensor](), 0
    for node_type, count in plan.num_dst.items():
        relations = sum(e[2] == node_type for e in plan.edge_types)
        last = first + relations * count
        numbers = torch.arange(first, last, device=degree.device)
        slots.append(numbers.view(relations, count).T.flatten())
        entering.append(degree[first:last].view(relations, count).sum(0))
        first = last
    return torch.cat(slots), torch.cat(entering)
