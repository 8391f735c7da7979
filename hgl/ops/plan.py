"""Edges in the order the kernels want: sorted by slot, with their transpose for backward.

A slot is a pair (relation, target node). Slots are numbered by target type, then relation, then
node, so the slots of one type form a [relations, nodes] block and edges sorted by (relation,
target), as our batches carry them, are already sorted by slot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hgl.errors import SchemaError
from hgl.typing import EdgeType, NodeType


@dataclass(frozen=True)
class Transpose:
    """The edges grouped by source: `slot[ptr[u]:ptr[u + 1]]` are the slots that source u feeds."""

    ptr: Tensor
    slot: Tensor


class RelationPlan:
    """All relations of a graph or batch as one slot-sorted edge list.

    Args:
        src: [num_edges] source node of each edge, types concatenated in canonical order.
        ptr: [num_slots + 1] first edge of each slot, same integer type as `src`.
        num_src: nodes per type on the source side; `src` counts through them in this order.
        num_dst: nodes per type on the target side, a prefix of the source side of that type.
        edge_types: canonical edge types; fixes the relations of each target type.
        transpose: the same edges grouped by source; computed on first use when absent.
    """

    def __init__(
        self,
        src: Tensor,
        ptr: Tensor,
        *,
        num_src: Mapping[NodeType, int],
        num_dst: Mapping[NodeType, int],
        edge_types: Sequence[EdgeType],
        transpose: Transpose | None = None,
    ) -> None:
        self.src, self.ptr = src, ptr
        self.num_src, self.num_dst = dict(num_src), dict(num_dst)
        self.edge_types = tuple(edge_types)
        self._transpose = transpose

    @cached_property
    def transpose(self) -> Transpose:
        """The edges grouped by source node."""
        if self._transpose is not None:
            return self._transpose
        order = torch.argsort(self.src, stable=True)
        counts = torch.bincount(self.src, minlength=sum(self.num_src.values()))
        slots = torch.arange(self.ptr.numel() - 1, device=self.src.device, dtype=self.src.dtype)
        slot = torch.repeat_interleave(slots, self.ptr.diff())
        return Transpose(_pointer(counts, self.src.dtype), slot[order])

    @cached_property
    def relations(self) -> dict[NodeType, list[EdgeType]]:
        """Edge types that enter each node type, in slot order."""
        return {t: [e for e in self.edge_types if e[2] == t] for t in self.num_dst}

    @property
    def num_slots(self) -> int:
        """Slots, that is (relation, target) pairs."""
        return self.ptr.numel() - 1

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
        offsets, start = {}, 0
        for node_type, count in num_nodes.items():
            offsets[node_type], start = start, start + count
        sources, slots, first = [], [], 0
        for node_type, count in num_nodes.items():
            for edge_type in (e for e in edge_types if e[2] == node_type):
                if edge_type in edge_index_dict:
                    source, target = edge_index_dict[edge_type]
                    sources.append(source + offsets[edge_type[0]])
                    slots.append(target + first)
                first += count
        empty = torch.zeros(0, dtype=torch.int64)
        src, slot = (torch.cat(parts) if parts else empty for parts in (sources, slots))
        order = torch.argsort(slot, stable=True)
        ptr = _pointer(torch.bincount(slot, minlength=first), torch.int64)
        return cls(src[order], ptr, num_src=num_nodes, num_dst=num_nodes, edge_types=edge_types)


def _pointer(counts: Tensor, dtype: torch.dtype) -> Tensor:
    """Exclusive running sum with the total appended: [n] counts to [n + 1] offsets."""
    ptr = counts.new_zeros(counts.numel() + 1, dtype=dtype)
    torch.cumsum(counts, 0, out=ptr[1:]) if dtype == torch.int64 else ptr[1:].copy_(
        counts.cumsum(0)
    )
    return ptr
