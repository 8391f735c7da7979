"""All relations of a graph or batch, laid out for the kernels.

A slot is a pair (relation, target node). Slots are numbered by target type, then relation, then
node, so edges sorted by (relation, target), as our batches carry them, are sorted by slot already.
A source has a slot per relation, too: along relation r it sends as the slot it has under the
reverse of r.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from hgl.errors import ConfigError, SchemaError
from hgl.ops.joined import JoinedEdges, join
from hgl.ops.metadata import by_target
from hgl.ops.segments import Segments, index_type
from hgl.typing import EdgeType, NodeType, reverse_of


@dataclass(frozen=True, eq=False)
class RelationBlock:
    """The edges of one relation.

    Attributes:
        edge_type: (source type, relation, target type).
        position: of the edge type among the plan's.
        segments: the edges by target; sources are counted within their type.
    """

    edge_type: EdgeType
    position: int
    segments: Segments

    @property
    def maps_sources(self) -> bool:
        """Whether there are fewer sources than targets to multiply by a matrix."""
        return self.segments.num_src < self.segments.num_segments


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
        self.edge_types = by_target(list(self.num_dst), edge_types)

    @property
    def num_slots(self) -> int:
        """Slots, that is (relation, target) pairs."""
        return self.ptr.numel() - 1

    @cached_property
    def nodes(self) -> Segments:
        """Slots gather nodes: for what is the same in all slots of a source."""
        return Segments(self.src, self.ptr, sum(self.num_src.values()))

    @cached_property
    def slots(self) -> Segments:
        """Slots gather slots, those that the sources have under the reverse relation.

        Raises: SchemaError: a relation has no reverse.
        """
        slot = self.source_slots
        first = {e: slot[reverse_of(e)].start for e in self.edge_types if reverse_of(e) in slot}
        return self._renumbered(first, sum(self.num_src[e[2]] for e in self.held))

    @cached_property
    def senders(self) -> Segments:
        """Slots gather (relation, source) pairs: for what a source sends under each relation.

        Unlike `slots`, asks for no reverse.
        """
        slots = self.sender_slots
        count = max((part.stop for part in slots.values()), default=0)
        return self._renumbered({e: part.start for e, part in slots.items()}, count)

    @cached_property
    def sender_slots(self) -> dict[EdgeType, slice]:
        """Where each relation's sources stand among the pairs; it has none without targets."""
        counts = [self.num_src[e[0]] if self.num_dst[e[2]] else 0 for e in self.edge_types]
        ends = [0, *accumulate(counts)]
        return {e: slice(a, b) for e, a, b in zip(self.edge_types, ends, ends[1:])}

    @cached_property
    def joined(self) -> JoinedEdges:
        """The edges by target node, all relations together."""
        return join(self)

    def _renumbered(self, first: Mapping[EdgeType, int], count: int) -> Segments:
        """Slots gather `count` rows, of which a relation's sources begin at `first`."""
        node = _starts(self.num_src)
        shifts = [first[e] - node[e[0]] if e in first else 0 for e in self.edge_types]
        kind = torch.promote_types(self.src.dtype, index_type(count))
        edges = torch.tensor(self._first_edges, device=self.src.device).diff()
        shift = torch.tensor(shifts, dtype=kind, device=self.src.device)
        src = self.src + shift.repeat_interleave(edges, output_size=self.src.numel())
        return Segments(src, self.ptr.to(kind), count)

    @cached_property
    def held(self) -> list[EdgeType]:
        """Relations under which sources have a slot: where they receive, or send the other way.

        Where a batch narrows towards its seeds, most types have no targets left; then only what
        their nodes send is asked of them.
        """
        kinds = set(self.edge_types)
        for edge_type in self.edge_types:
            if reverse_of(edge_type) not in kinds:
                raise SchemaError(
                    f"relation {edge_type} has no reverse {reverse_of(edge_type)}; the graph has "
                    f"{sorted(kinds)}"
                )
        return [e for e in self.edge_types if self.num_dst[e[2]] or self.num_dst[e[0]]]

    @cached_property
    def source_slots(self) -> dict[EdgeType, slice]:
        """Where the slots of each held relation stand among the source side's."""
        return _slices(self.held, self.num_src)

    @cached_property
    def target_slots(self) -> dict[EdgeType, slice]:
        """Where each relation's slots stand among the target side's, which `ptr` numbers."""
        return _slices(self.edge_types, self.num_dst)

    @cached_property
    def blocks(self) -> list[RelationBlock]:
        """The relations that have edges, in slot order."""
        node, edges = _starts(self.num_src), self._first_edges
        return [
            RelationBlock(
                edge_type,
                i,
                Segments(
                    self.src[edges[i] : edges[i + 1]] - node[edge_type[0]],
                    self.ptr[slots.start : slots.stop + 1] - edges[i],
                    self.num_src[edge_type[0]],
                ),
            )
            for i, (edge_type, slots) in enumerate(self.target_slots.items())
            if edges[i + 1] > edges[i]
        ]

    @cached_property
    def _first_edges(self) -> list[int]:
        """First edge of each relation, then the number of edges."""
        ends = [0, *(slots.stop for slots in self.target_slots.values())]
        return self.ptr[torch.tensor(ends, device=self.ptr.device)].tolist()

    @classmethod
    def from_edges(
        cls,
        edge_index_dict: Mapping[EdgeType, Tensor],
        num_nodes: Mapping[NodeType, int],
        edge_types: Sequence[EdgeType],
        *,
        num_dst: Mapping[NodeType, int] | None = None,
    ) -> RelationPlan:
        """Sort any heterogeneous graph into a plan.

        Args:
            edge_index_dict: [2, num_edges] int64 per edge type (sources, then targets); an edge
                type that is absent counts as empty.
            num_nodes: nodes per type, all types in canonical order.
            edge_types: canonical edge types of the model.
            num_dst: nodes per type on the target side, the first of `num_nodes`; None for all.
        Raises: SchemaError: an edge type of the graph is not among `edge_types`, or an edge leads
            to a node that is not there.
        """
        unknown = set(edge_index_dict) - set(edge_types)
        if unknown:
            raise SchemaError(f"edge_index_dict has {sorted(unknown)}, not among {edge_types}")
        nodes, num_dst = _starts(num_nodes), num_nodes if num_dst is None else num_dst
        none = next(iter(edge_index_dict.values()), torch.zeros(0, dtype=torch.int64)).new_zeros(0)
        sources, pointers, first = list[Tensor](), list[Tensor](), 0
        for edge_type in by_target(list(num_nodes), edge_types):
            ends = edge_index_dict.get(edge_type, none.new_zeros(2, 0))
            part = Segments.from_edge_index(ends, num_nodes[edge_type[0]], num_dst[edge_type[2]])
            sources.append(part.src.long() + nodes[edge_type[0]])
            pointers.append(part.ptr[1:].long() + first)
            first += part.num_edges
        src = torch.cat([none, *sources])
        ptr = torch.cat([none.new_zeros(1), *pointers])
        kind = index_type(src.numel(), ptr.numel(), sum(num_nodes.values()))
        return cls(
            src.to(kind), ptr.to(kind), num_src=num_nodes, num_dst=num_dst, edge_types=edge_types
        )


def check_depth(num_layers: int, plans: Sequence[RelationPlan], hops: int = 1) -> None:
    """Check that a network has `hops` plans per layer. Raises: ConfigError: it has not."""
    if len(plans) != num_layers * hops:
        each = f", {hops} to a layer" if hops > 1 else ""
        raise ConfigError(
            f"num_layers={num_layers}: expected {len(plans) / hops:g}, the hops of num_neighbors"
            f"{each}"
        )


def _starts(counts: Mapping[NodeType, int]) -> dict[NodeType, int]:
    """Where each type begins when types are concatenated."""
    return dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))


def _slices(
    edge_types: Sequence[EdgeType], num_nodes: Mapping[NodeType, int]
) -> dict[EdgeType, slice]:
    """Where each relation's slots stand, given the nodes of each target type."""
    ends = [0, *accumulate(num_nodes[e[2]] for e in edge_types)]
    return {e: slice(a, b) for e, a, b in zip(edge_types, ends, ends[1:])}
