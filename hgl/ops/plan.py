"""Edges in the order the kernels want: sorted by slot, with their transpose for backward.

A slot is a pair (relation, target node). Slots are numbered by target type, then relation, then
node, so edges sorted by (relation, target), as our batches carry them, are sorted by slot already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from hgl.errors import SchemaError
from hgl.typing import EdgeType, NodeType


@dataclass(frozen=True)
class Transpose:
    """Edges grouped by source: `slot[ptr[u]:ptr[u + 1]]` are the targets that source u feeds."""

    ptr: Tensor
    slot: Tensor


@dataclass(frozen=True, eq=False)
class RelationBlock:
    """The edges of one relation, sorted by target.

    Attributes:
        edge_type: (source type, relation, target type).
        position: of the edge type among the plan's.
        src: [num_edges] source, counted within its type.
        ptr: [num_targets + 1] first edge of each target, same integer type as `src`.
        num_src: nodes of the source type.
    """

    edge_type: EdgeType
    position: int
    src: Tensor
    ptr: Tensor
    num_src: int

    @property
    def maps_sources(self) -> bool:
        """Whether there are fewer sources than targets to multiply by a matrix."""
        return self.num_src < self.ptr.numel() - 1

    @cached_property
    def transpose(self) -> Transpose:
        """The same edges grouped by source."""
        targets = torch.arange(self.ptr.numel() - 1, device=self.src.device, dtype=self.src.dtype)
        target = torch.repeat_interleave(targets, self.ptr.diff())
        order = torch.argsort(self.src, stable=True)
        counts = torch.bincount(self.src, minlength=self.num_src)
        return Transpose(pointer(counts).to(self.src.dtype), target[order])

    @cached_property
    def degree(self) -> Tensor:
        """[num_targets, 1] float32 number of edges, at least 1: divides a sum into a mean."""
        return self.ptr.diff().clamp(min=1).unsqueeze(1).float()


class RelationPlan:
    """All relations of a graph or batch as one slot-sorted edge list.

    Args:
        src: [num_edges] source node of each edge, types concatenated in canonical order.
        ptr: [num_slots + 1] first edge of each slot, same integer type as `src`.
        num_src: nodes per type on the source side; `src` counts through them in this order.
        num_dst: nodes per type on the target side, a prefix of the source side of that type.
        edge_types: canonical edge types; fixes the relations of each target type.
    """

    def __init__(
        self,
        src: Tensor,
        ptr: Tensor,
        *,
        num_src: Mapping[NodeType, int],
        num_dst: Mapping[NodeType, int],
        edge_types: Sequence[EdgeType],
    ) -> None:
        self.src, self.ptr = src, ptr
        self.num_src, self.num_dst = dict(num_src), dict(num_dst)
        # In slot order: by target type, then as the edge types are sorted.
        self.edge_types = [e for t in self.num_dst for e in edge_types if e[2] == t]

    @property
    def num_slots(self) -> int:
        """Slots, that is (relation, target) pairs."""
        return self.ptr.numel() - 1

    @cached_property
    def blocks(self) -> list[RelationBlock]:
        """The relations that have edges, in slot order."""
        first = _starts(self.num_src)
        slots = [0, *accumulate(self.num_dst[e[2]] for e in self.edge_types)]
        edges = self.ptr[torch.tensor(slots, device=self.ptr.device)].tolist()
        return [
            RelationBlock(
                edge_type,
                i,
                self.src[edges[i] : edges[i + 1]] - first[edge_type[0]],
                self.ptr[slots[i] : slots[i + 1] + 1] - edges[i],
                self.num_src[edge_type[0]],
            )
            for i, edge_type in enumerate(self.edge_types)
            if edges[i + 1] > edges[i]
        ]

    @classmethod
    def from_edges(
        cls,
        edge_index_dict: Mapping[EdgeType, Tensor],
        num_nodes: Mapping[NodeType, int],
        edge_types: Sequence[EdgeType],
    ) -> RelationPlan:
        """Sort any heterogeneous graph into a plan.

        Args:
            edge_index_dict: [2, num_edges] int64 per edge type (sources, then targets); an edge
                type that is absent counts as empty.
            num_nodes: nodes per type, all types in canonical order.
            edge_types: canonical edge types of the model.
        Raises: SchemaError: an edge type of the graph is not among `edge_types`.
        """
        unknown = set(edge_index_dict) - set(edge_types)
        if unknown:
            raise SchemaError(f"edge_index_dict has {sorted(unknown)}, not among {edge_types}")
        nodes = _starts(num_nodes)
        sources, slots, first = [], [], 0
        for node_type, count in num_nodes.items():
            for edge_type in (e for e in edge_types if e[2] == node_type):
                if edge_type in edge_index_dict:
                    source, target = edge_index_dict[edge_type]
                    sources.append(source + nodes[edge_type[0]])
                    slots.append(target + first)
                first += count
        empty = torch.zeros(0, dtype=torch.int64)
        src, slot = (torch.cat(parts) if parts else empty for parts in (sources, slots))
        ptr = pointer(torch.bincount(slot, minlength=first))
        src = src[torch.argsort(slot, stable=True)]
        return cls(src, ptr, num_src=num_nodes, num_dst=num_nodes, edge_types=edge_types)


def pointer(counts: Tensor) -> Tensor:
    """[n] counts to [n + 1] offsets: their running sum, from 0."""
    ptr = counts.new_zeros(counts.numel() + 1)
    torch.cumsum(counts, 0, out=ptr[1:])
    return ptr


def _starts(counts: Mapping[NodeType, int]) -> dict[NodeType, int]:
    """Where each type begins when types are concatenated."""
    return dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
