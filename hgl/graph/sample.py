"""What a sampler is told about the graph, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hgl.errors import ConfigError
from hgl.typing import EdgeType, NodeType

NumNeighbors = Sequence[int] | Mapping[EdgeType, Sequence[int]]
"""Edges per target and hop at most, -1 for all: for every relation, or per edge type."""


@dataclass(frozen=True)
class Layout:
    """Types and relations by position.

    Relations stand in slot order, that is by target type, then edge type, so that the edges of a
    batch, one relation after another, are sorted by slot (see `hgl.ops.plan`).

    Attributes:
        node_types: sorted.
        edge_types: in slot order.
        src, dst: [num_relations] positions of each relation's ends.
        fanout: [num_hops, num_relations] int64 edges per target at most, -1 for all.
    """

    node_types: tuple[NodeType, ...]
    edge_types: tuple[EdgeType, ...]
    src: np.ndarray
    dst: np.ndarray
    fanout: np.ndarray

    @classmethod
    def of(
        cls,
        node_types: Sequence[NodeType],
        edge_types: Sequence[EdgeType],
        num_neighbors: NumNeighbors,
    ) -> Layout:
        """Lay out a graph. Raises: ConfigError: `num_neighbors` does not fit it."""
        nodes = tuple(sorted(node_types))
        slots = tuple(sorted(edge_types, key=lambda e: (e[2], e)))
        ends = np.array([(nodes.index(e[0]), nodes.index(e[2])) for e in slots], np.int64)
        src, dst = ends.reshape(-1, 2).T
        return cls(
            nodes,
            slots,
            np.ascontiguousarray(src),
            np.ascontiguousarray(dst),
            _fanout(num_neighbors, slots),
        )

    @property
    def num_hops(self) -> int:
        """Steps away from the seeds."""
        return len(self.fanout)


@dataclass(frozen=True)
class Sample:
    """The neighbourhoods of a batch of seeds, disjoint per seed, on the graph's device.

    Copies of all types are numbered together: types in order, within a type hop by hop (hop 0 are
    the seeds), within a hop seed by seed, within a seed by discovery; rows that edges stand for by
    edge (see `with_edge_rows`). Edges stand by relation in
    slot order, within a relation by target. A slot is a (relation, target copy) pair; the copies
    of the last hop are no targets.

    Attributes:
        layout: of types and relations.
        row: [num_copies] int64, row of each copy in its table.
        seed: [num_copies] int64, seed of each copy, as a position in the batch.
        src: [num_edges] int32, source copy of each edge.
        ptr: [num_slots + 1] int32, first edge of each slot.
        num_copies: [num_types, num_hops + 1] int64.
        num_edges: [num_relations, num_hops] int64.
        edge_row: [num_edges] int64, the row that each edge of a table drawn as edges stands for, -1
            for other edges; None where the graph draws no table as edges.
    """

    layout: Layout
    row: Tensor
    seed: Tensor
    src: Tensor
    ptr: Tensor
    num_copies: np.ndarray
    num_edges: np.ndarray
    edge_row: Tensor | None = None

    @property
    def first_copy(self) -> np.ndarray:
        """[num_types + 1] where each type's copies begin."""
        return offsets(self.num_copies.sum(axis=1))

    @property
    def num_targets(self) -> np.ndarray:
        """[num_types] copies that edges lead to: all but the last hop's."""
        return self.num_copies[:, :-1].sum(axis=1)

    @property
    def first_slot(self) -> np.ndarray:
        """[num_relations + 1] where each relation's slots begin."""
        return offsets(self.num_targets[self.layout.dst])

    @property
    def first_edge(self) -> np.ndarray:
        """[num_relations + 1] where each relation's edges begin."""
        return offsets(self.num_edges.sum(axis=1))

    def trimmed(self, hops: int) -> Sample:
        """The same sample without its outermost `hops` hops: what the deeper layers need."""
        if hops == 0:
            return self
        num_copies, num_edges = self.num_copies[:, :-hops], self.num_edges[:, :-hops]
        first_copy = offsets(num_copies.sum(axis=1))
        first_edge = offsets(num_edges.sum(axis=1))
        old_copy, old_edge, old_slot = self.first_copy, self.first_edge, self.first_slot
        kept = [slice(a, a + n) for a, n in zip(old_copy[:-1], num_copies.sum(axis=1))]
        src, ptr, rows = [], [self.ptr[:1]], []
        for r, (source, target) in enumerate(zip(self.layout.src, self.layout.dst)):
            edge, slot = int(old_edge[r]), int(old_slot[r])
            part = slice(edge, edge + int(num_edges[r].sum()))
            src.append(self.src[part] + int(first_copy[source] - old_copy[source]))
            if self.edge_row is not None:
                rows.append(self.edge_row[part])
            last = slot + int(num_copies[target, :-1].sum())
            ptr.append(self.ptr[slot + 1 : last + 1] + int(first_edge[r] - edge))
        return Sample(
            self.layout,
            torch.cat([self.row[part] for part in kept]),
            torch.cat([self.seed[part] for part in kept]),
            torch.cat(src) if src else self.src,
            torch.cat(ptr),
            num_copies,
            num_edges,
            torch.cat(rows) if rows else self.edge_row,
        )


def offsets(counts: np.ndarray) -> np.ndarray:
    """Running sum from 0: where each of several parts begins, then where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), counts.cumsum()])


def _fanout(num_neighbors: NumNeighbors, edge_types: Sequence[EdgeType]) -> np.ndarray:
    """[num_hops, num_relations]."""
    if isinstance(num_neighbors, Mapping):
        unknown = sorted(set(num_neighbors) - set(edge_types))
        missing = sorted(set(edge_types) - set(num_neighbors))
        if unknown or missing:
            raise ConfigError(
                f"num_neighbors: unknown edge types {unknown}, missing {missing}; "
                f"the graph has {sorted(edge_types)}"
            )
        lists = [list(num_neighbors[edge_type]) for edge_type in edge_types]
    else:
        lists = [list(num_neighbors)] * max(len(edge_types), 1)
    hops = {len(counts) for counts in lists}
    valid = all(isinstance(n, int) and n >= -1 for counts in lists for n in counts)
    if len(hops) != 1 or hops == {0} or not valid:
        raise ConfigError(
            f"num_neighbors={num_neighbors!r}: expected one integer per hop, -1 (all) or more, "
            "and as many hops for every relation"
        )
    return np.array(lists, np.int64)[: len(edge_types)].T.copy()
