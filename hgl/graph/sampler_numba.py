"""Sampling on the CPU: numba kernels, seeds shared out to threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from hgl.graph import sampler_place, sampler_walk
from hgl.graph.sample import Layout, Sample
from hgl.graph.sampler_arrays import (
    LAST,
    NO_FLOOR,
    ROOM,
    SEED,
    SLOTS,
    Counts,
    Fields,
    Plan,
    Seeds,
    Starts,
    Workspace,
)
from hgl.graph.temporal_graph import TemporalGraph

_SHARES_PER_THREAD = 2
"""Seeds differ in cost, so each thread takes several smaller shares."""
_ROOM, _SLOTS = 1 << 15, 1 << 10
"""First sizes of a workspace; it grows to what its seeds need and is used again."""

Given = TypeVar("Given")
Made = TypeVar("Made")


class NumbaBackend:
    """Samples with `threads` threads; may be called from several threads at once."""

    def __init__(self, graph: TemporalGraph, layout: Layout, *, latest: bool, threads: int) -> None:
        self.graph, self.layout, self.threads = graph, layout, threads
        self._plan = _plan(graph, layout, latest)
        self._numbered = self._plan.edge_row is not None
        self._free: list[Workspace] = []
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def sample(
        self, entity: int, rows: Tensor, limit: Tensor, floor: Tensor | None, keys: Tensor
    ) -> Sample:
        """Sample seeds ([n] rows of node type `entity`) that see floor < time <= limit."""
        if floor is None:
            floor = torch.full_like(limit, NO_FLOOR)
        seeds = Seeds(*(array.contiguous().numpy() for array in (rows, limit, floor, keys)))
        layout, count, hops = self.layout, len(rows), self.layout.num_hops
        copies, edges = (
            (len(layout.node_types), hops + 1, count),
            (len(layout.edge_types), hops, count),
        )
        counts = Counts(np.empty(copies, np.int64), np.empty(edges, np.int64))
        spans = _spans(count, self.threads)
        works = self._map(lambda span: self._walk(seeds, entity, span, counts), spans)
        starts = Starts(*(np.empty(shape, np.int64) for shape in (copies, edges, edges)))
        num_slots = sampler_place.begin(self._plan, counts, starts)
        num_copies, num_edges = counts.copies.sum(axis=2), counts.edges.sum(axis=2)
        row, seed = (torch.empty(int(num_copies.sum()), dtype=torch.int64) for _ in range(2))
        src = torch.empty(int(num_edges.sum()), dtype=torch.int32)
        ptr = torch.empty(num_slots + 1, dtype=torch.int32)
        ptr[0] = 0
        edge_row = torch.full(src.shape, -1, dtype=torch.int64) if self._numbered else None
        stands_for = None if edge_row is None else edge_row.numpy()
        out = Fields(row.numpy(), seed.numpy(), src.numpy(), ptr.numpy(), stands_for)

        def place(part: tuple[tuple[int, int], Workspace]) -> None:
            sampler_place.place(*part[0], part[1], self._plan, counts, starts, out)
            self._free.append(part[1])

        self._map(place, zip(spans, works))
        return Sample(layout, row, seed, src, ptr, num_copies, num_edges, edge_row)

    def _walk(self, seeds: Seeds, entity: int, span: tuple[int, int], counts: Counts) -> Workspace:
        """Walk the seeds of `span` in a workspace of their own, which grows until they fit."""
        layout, numbered = self.layout, self._numbered
        work = self._free.pop() if self._free else _workspace(layout, _ROOM, _SLOTS, numbered)
        at = np.zeros(8, np.int64)
        at[SEED], at[LAST] = span
        while True:
            sampler_walk.walk(seeds, entity, self._plan, work, at, counts)
            if at[SEED] == at[LAST]:
                return work
            work = _grown(layout, work, at, numbered)

    def _map(self, task: Callable[[Given], Made], parts: Iterable[Given]) -> list[Made]:
        """Do every part; each thread, the caller's among them, takes the next when it is free."""
        rest, made = enumerate(parts), dict[int, Made]()

        def work() -> None:
            for place, part in rest:
                made[place] = task(part)

        others = [self._pool.submit(work) for _ in range(self.threads - 1)] if self._pool else []
        work()
        for other in others:
            other.result()
        return [made[place] for place in sorted(made)]


def _plan(graph: TemporalGraph, layout: Layout, latest: bool) -> Plan:
    relations = [graph.relations[edge_type] for edge_type in layout.edge_types]
    sizes = [graph.num_nodes[node_type] for node_type in layout.node_types]
    numbered = any(r.edge_row is not None for r in relations)
    return Plan(
        layout.src,
        layout.dst,
        np.array([r.colptr.data_ptr() for r in relations], np.int64),
        np.array([r.row.data_ptr() for r in relations], np.int64),
        np.array([_address(r.time) for r in relations], np.int64),
        np.array([_address(r.source_time) for r in relations], np.int64),
        np.array([_address(r.edge_row) for r in relations], np.int64) if numbered else None,
        np.array([r.colptr.dtype == torch.int64 for r in relations], np.bool_),
        np.array([r.row.dtype == torch.int64 for r in relations], np.bool_),
        np.cumsum([0, *sizes[:-1]], dtype=np.int64),
        layout.fanout,
        latest,
    )


def _address(array: Tensor | None) -> int:
    """Where an array begins; 0 where there is none, or nothing in it."""
    return 0 if array is None else array.data_ptr()


def _spans(count: int, threads: int) -> list[tuple[int, int]]:
    """Split `count` seeds into shares."""
    shares = threads * _SHARES_PER_THREAD if threads > 1 else 1
    size = max(1, min(-(-count // shares), sampler_walk.MAX_SEEDS))
    return [(begin, min(begin + size, count)) for begin in range(0, count, size)]


def _workspace(layout: Layout, room: int, slots: int, numbered: bool) -> Workspace:
    most = max(1, int(layout.fanout.max(initial=1)))
    return Workspace(
        row=np.empty(room, np.int64),
        kind=np.empty(room, np.int16),
        edge=np.empty(room, np.int32),
        degree=np.empty(room, np.int32),
        edge_row=np.empty(room, np.int64) if numbered else None,
        order=np.empty(room, np.int32),
        table=np.empty((slots, 2), np.int64),
        picked=np.empty(most, np.int64),
        seen=np.empty(1 << (4 * most - 1).bit_length(), np.int64),
    )


def _grown(layout: Layout, work: Workspace, at: np.ndarray, numbered: bool) -> Workspace:
    """A workspace with what seed `at[SEED]` needs and all that `work` holds of earlier seeds."""
    room, slots = len(work.row), len(work.table)
    if at[ROOM] > room:
        room = max(2 * room, int(at[ROOM]))
    if at[SLOTS] > slots:
        slots = 1 << int(at[SLOTS] - 1).bit_length()
    grown = _workspace(layout, room, slots, numbered)
    for new, old in zip(grown[:5], work[:5], strict=True):
        if new is not None and old is not None:
            new[: len(old)] = old
    return grown
