"""Edges sorted by target, with their transpose: what every kernel runs on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hgl.errors import SchemaError

INT32_LIMIT = 2**31
"""Edges, segments and rows below this many are numbered in int32."""


@dataclass(frozen=True, eq=False)
class Transpose:
    """Edges grouped by source.

    Attributes:
        ptr: [num_src + 1]; the edges that row u feeds are `ptr[u]` to `ptr[u + 1]`.
        segment: [num_edges] segment each of them leads to.
        edge: [num_edges] their positions in segment order; None where nobody asks.
    """

    ptr: Tensor
    segment: Tensor
    edge: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Segments:
    """Edges grouped by target: segment i gathers the rows `src[ptr[i]:ptr[i + 1]]`.

    Built once per graph or batch. What ops take per edge stands in this order.

    Attributes:
        src: [num_edges] source row of each edge, int32 or int64.
        ptr: [num_segments + 1], same integer type as `src`.
        num_src: rows there are to gather.
        order: [num_edges] position of each edge in the list the segments were built from; None
            where that list was sorted by target.
    """

    src: Tensor
    ptr: Tensor
    num_src: int
    order: Tensor | None = None

    @classmethod
    def from_edge_index(cls, edge_index: Tensor, num_src: int, num_dst: int) -> Segments:
        """Group PyG's edges; sorts only where targets are not ascending.

        Args:
            edge_index: [2, num_edges] int64: sources, then targets.
            num_src: source rows.
            num_dst: target rows, one segment each.
        Raises: SchemaError: the shape is another, or a row is out of range.
        """
        if edge_index.dim() != 2 or edge_index.shape[0] != 2:
            raise SchemaError(
                f"edge_index has shape {tuple(edge_index.shape)}, expected [2, num_edges]"
            )
        for name, rows, count in zip(("source", "target"), edge_index, (num_src, num_dst)):
            if rows.numel() and not (int(rows.min()) >= 0 and int(rows.max()) < count):
                raise SchemaError(
                    f"edge_index: {name} rows {int(rows.min())} to {int(rows.max())}, expected 0 "
                    f"to {count - 1}"
                )
        src, dst = edge_index
        order = None
        if bool((dst[1:] < dst[:-1]).any()):
            order = torch.argsort(dst, stable=True)
            src = src[order]
        ptr = pointer(torch.bincount(dst, minlength=num_dst))
        kind = index_type(len(src), num_src, num_dst)
        return cls(src.to(kind), ptr.to(kind), num_src, order)

    @property
    def num_segments(self) -> int:
        """Targets."""
        return self.ptr.numel() - 1

    @property
    def num_edges(self) -> int:
        """Edges, duplicates included."""
        return self.src.numel()

    @cached_property
    def own_rows(self) -> Segments:
        """The same edges, each gathering a row of its own."""
        edges = torch.arange(self.num_edges, dtype=self.src.dtype, device=self.src.device)
        return Segments(edges, self.ptr, self.num_edges)

    @cached_property
    def degree(self) -> Tensor:
        """[num_segments, 1] float32 number of edges, at least 1: divides a sum into a mean."""
        return self.ptr.diff().clamp(min=1).unsqueeze(1).float()

    @cached_property
    def transpose(self) -> Transpose:
        """The same edges grouped by source, in segment order within a source."""
        edge = torch.argsort(self.src, stable=True)
        counts = torch.bincount(self.src, minlength=self.num_src)
        segment = expand(self.ptr, self.num_edges)[edge]
        return Transpose(pointer(counts).to(self.ptr.dtype), segment, edge.to(self.ptr.dtype))


def expand(ptr: Tensor, num_edges: int) -> Tensor:
    """[num_segments + 1] offsets to the [num_edges] segment of each edge."""
    numbers = torch.arange(ptr.numel() - 1, device=ptr.device, dtype=ptr.dtype)
    return numbers.repeat_interleave(ptr.diff(), output_size=num_edges)


def pointer(counts: Tensor) -> Tensor:
    """[n] counts to [n + 1] offsets: their running sum, from 0."""
    ptr = counts.new_zeros(counts.numel() + 1)
    torch.cumsum(counts, 0, out=ptr[1:])
    return ptr


def index_type(*sizes: int) -> torch.dtype:
    """int32 where it can number all of `sizes`, else int64."""
    return torch.int32 if max(sizes) < INT32_LIMIT else torch.int64
