"""Rows that edges stand for, put into a sample as nodes beside their edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from hgl.graph.sample import Layout, Sample, offsets
from hgl.typing import EdgeType, reverse_of


def without_walks(layout: Layout, row_types: Mapping[EdgeType, EdgeType]) -> Layout:
    """The same layout, not walking the relations along which `with_edge_rows` puts rows."""
    fanout = layout.fanout.copy()
    for edge_type in row_types.values():
        for kind in {edge_type, reverse_of(edge_type)} & set(layout.edge_types):
            fanout[:, layout.edge_types.index(kind)] = 0
    return dataclasses.replace(layout, fanout=fanout)


def with_edge_rows(sample: Sample, row_types: Mapping[EdgeType, EdgeType]) -> Sample:
    """Give every target the rows that its edges stand for, as neighbours that lead no further.

    So networks of every kind read the columns and the age of these rows by the means they have. In
    a sum or mean over neighbours this is one linear map of source and row side by side. A row is a
    node once per edge, one hop beyond the edge's target.

    Args:
        sample: of a layout `without_walks`.
        row_types: relation whose edges are rows to that of these rows with the edges' targets.
    """
    position = sample.layout.edge_types.index
    edges = {position(row): position(edge) for edge, row in row_types.items()}
    return _Joined(sample, edges).sample() if edges else sample


class _Joined:
    """A sample and the rows of its edges.

    Args:
        edges: position of each relation to fill to that of the edges it is filled from.
    """

    def __init__(self, old: Sample, edges: Mapping[int, int]) -> None:
        assert old.edge_row is not None
        self.old, self.edges, self.edge_row = old, edges, old.edge_row
        self.num_copies, self.num_edges = old.num_copies.copy(), old.num_edges.copy()
        for row, edge in edges.items():
            self.num_copies[old.layout.src[row], 1:] += old.num_edges[edge]
            self.num_edges[row] = old.num_edges[edge]
        self.first_copy = offsets(self.num_copies.sum(axis=1))
        self.row, self.seed = (self._by_type(x) for x in (old.row, old.seed))
        self.src = self._moved_sources()
        for kind in sorted({int(old.layout.src[row]) for row in edges}):
            self._add(kind)

    def sample(self) -> Sample:
        return Sample(
            self.old.layout,
            _joined(self.row),
            _joined(self.seed),
            _joined(self.src),
            self._pointer(),
            self.num_copies,
            self.num_edges,
            self._edge_rows(),
        )

    def _by_type(self, copies: Tensor) -> list[list[Tensor]]:
        return [[copies[a:b]] for a, b in pairwise(self.old.first_copy.tolist())]

    def _moved_sources(self) -> list[list[Tensor]]:
        """Per relation, its sources where they stand once the rows are there."""
        moved = (self.first_copy - self.old.first_copy)[self.old.layout.src].tolist()
        bounds = pairwise(self.old.first_edge.tolist())
        return [[self.old.src[a:b] + by] for (a, b), by in zip(bounds, moved, strict=True)]

    def _add(self, kind: int) -> None:
        """Add the rows of one table, hop by hop."""
        copy, layout = int(self.first_copy[kind]), self.old.layout
        relations = [(row, edge) for row, edge in self.edges.items() if layout.src[row] == kind]
        begin = {edge: int(self.old.first_edge[edge]) for _, edge in relations}
        for hop in range(layout.num_hops):
            for row, edge in relations:
                count = int(self.old.num_edges[edge, hop])
                part = slice(begin[edge], begin[edge] + count)
                begin[edge] += count
                self.row[kind].append(self.edge_row[part])
                self.seed[kind].append(self.old.seed[self.old.src[part].long()])
                numbers = torch.arange(copy, copy + count, dtype=torch.int32)
                self.src[row].append(numbers.to(self.old.src.device))
                copy += count

    def _pointer(self) -> Tensor:
        """[slots + 1]: a relation that is filled has the degrees of the edges it is filled from."""
        degree, first = self.old.ptr.diff(), self.old.first_slot.tolist()
        targets = self.num_copies[:, :-1].sum(axis=1)
        parts = [self.old.ptr[:1]]
        for r, kind in enumerate(self.old.layout.dst):
            like = self.edges.get(r, r)
            parts.append(degree[first[like] : first[like + 1]])
            # A row that edges stand for receives nothing.
            parts.append(degree.new_zeros(int(targets[kind]) - len(parts[-1])))
        return torch.cat(parts).cumsum(0, dtype=torch.int32)

    def _edge_rows(self) -> Tensor:
        bounds = self.old.first_edge.tolist()
        parts = [self.edge_row[a:b] for a, b in pairwise(bounds)]
        for row in self.edges:
            parts[row] = self.edge_row.new_full((int(self.num_edges[row].sum()),), -1)
        return torch.cat(parts)


def _joined(parts: list[list[Tensor]]) -> Tensor:
    return torch.cat([part for group in parts for part in group])
