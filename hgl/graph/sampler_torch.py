"""Sampling in vectorised torch: the CUDA path, and the CPU's where numba is absent.

All seeds take a hop together, one relation after another. What a target sees comes from one search
in the relation's composite keys (target, time); the copies found so far are kept as sorted keys
(seed, row). Copies and edges come out in the same order as the CPU kernels'.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from hgl.graph.draws import below, mix, stream
from hgl.graph.relations import Relation
from hgl.graph.sample import Layout, Sample, offsets
from hgl.graph.temporal_graph import TemporalGraph
from hgl.graph.visible import only_edges

_NEAR = 4
"""Lists up to this many times the fan-out are shuffled whole; from longer ones places are drawn."""
_CHUNK = 1 << 22
"""Random numbers held at once."""


class TorchBackend:
    """Samples on the device of the graph."""

    def __init__(self, graph: TemporalGraph, layout: Layout, *, latest: bool) -> None:
        self.layout, self.latest = layout, latest
        self._lists = [_Lists.of(graph.relations[edge_type]) for edge_type in layout.edge_types]
        self._num_rows = [graph.num_nodes[node_type] for node_type in layout.node_types]

    def sample(
        self, entity: int, rows: Tensor, limit: Tensor, floor: Tensor | None, keys: Tensor
    ) -> Sample:
        """Sample seeds ([n] rows of node type `entity`) that see floor < time <= limit."""
        layout = self.layout
        found = [_Copies(count, rows.device) for count in self._num_rows]
        for t, copies in enumerate(found):
            own = rows if t == entity else rows[:0]
            copies.add(torch.arange(len(own), device=rows.device), own)
        drawn = []
        for hop in range(layout.num_hops):
            hop_edges = [
                self._draw(r, hop, found[target], limit, floor, keys)
                for r, target in enumerate(layout.dst)
            ]
            drawn.append(hop_edges)
            for t, copies in enumerate(found):
                leaving = [edges for r, edges in enumerate(hop_edges) if layout.src[r] == t]
                none = [rows[:0]]
                places = copies.add(
                    torch.cat([edges.seed for edges in leaving] + none),
                    torch.cat([edges.row for edges in leaving] + none),
                )
                for edges, place in zip(leaving, places.split([len(e.row) for e in leaving])):
                    edges.place = place
        return _assemble(layout, found, drawn)

    def _draw(
        self,
        r: int,
        hop: int,
        targets: _Copies,
        limit: Tensor,
        floor: Tensor | None,
        keys: Tensor,
    ) -> _Edges:
        """Edges of relation r into the copies found in the last hop."""
        seed, row, lists = targets.seeds[-1], targets.rows[-1], self._lists[r]
        begin, end = lists.visible(row, limit[seed], None if floor is None else floor[seed])
        fanout = int(self.layout.fanout[hop, r])
        degree = end - begin if fanout < 0 else (end - begin).clamp(max=fanout)
        first = degree.cumsum(0) - degree
        edge = (end - degree - first).repeat_interleave(degree)
        edge += torch.arange(len(edge), device=edge.device)
        crowded = (end - begin > degree).nonzero().flatten()
        if not self.latest and fanout > 0 and len(crowded):
            salt = mix(keys[seed[crowded]] ^ mix(row[crowded] * len(self._lists) + r))
            chosen = choose((end - begin)[crowded], fanout, salt) + begin[crowded, None]
            slots = first[crowded, None] + torch.arange(fanout, device=edge.device)
            edge[slots] = chosen
        stands_for = None if lists.edge_row is None else lists.edge_row[edge]
        return _Edges(seed.repeat_interleave(degree), lists.row[edge].long(), degree, stands_for)


@dataclass
class _Edges:
    """Edges of one relation and hop: `seed` and source `row` per edge, `degree` per target.

    `edge_row` is the row that each edge stands for, None where edges are no rows.
    `place` is each source's number among the copies of its type, set once all are found.
    """

    seed: Tensor
    row: Tensor
    degree: Tensor
    edge_row: Tensor | None
    place: Tensor = field(init=False)


@dataclass(frozen=True)
class _Lists:
    """A relation's edges with `key` = target x (number of times + 1) + rank of the edge's time."""

    colptr: Tensor
    row: Tensor
    times: Tensor | None
    key: Tensor | None
    edge_row: Tensor | None
    source_time: Tensor | None

    @classmethod
    def of(cls, relation: Relation) -> _Lists:
        times = key = None
        if relation.time is not None:
            times, rank = torch.unique(relation.time, return_inverse=True)
            targets = torch.arange(len(relation.colptr) - 1, device=rank.device)
            target = targets.repeat_interleave(relation.colptr.diff())
            key = target * (len(times) + 1) + rank
        return cls(
            relation.colptr, relation.row, times, key, relation.edge_row, relation.source_time
        )

    def visible(self, row: Tensor, limit: Tensor, floor: Tensor | None) -> tuple[Tensor, Tensor]:
        """First and past-the-last edge into each target row with floor < time <= limit."""
        begin = self.colptr[row].long()
        if self.times is not None:
            end = self._later(row, limit)
            return (begin if floor is None else self._later(row, floor)), end
        end = self.colptr[row + 1].long()
        if self.source_time is not None:
            end = only_edges(self.row, self.source_time, begin, end, limit, floor)
        return begin, end

    def _later(self, row: Tensor, instant: Tensor) -> Tensor:
        """First edge into each target row that is later than `instant`."""
        assert self.times is not None
        assert self.key is not None
        rank = torch.searchsorted(self.times, instant, right=True)
        return torch.searchsorted(self.key, row * (len(self.times) + 1) + rank)


class _Copies:
    """Copies of one node type: `seeds[h]` and `rows[h]` of those found in hop h, in order."""

    def __init__(self, num_rows: int, device: torch.device) -> None:
        self.seeds: list[Tensor] = []
        self.rows: list[Tensor] = []
        self._num_rows, self._count = max(num_rows, 1), 0
        self._keys = torch.empty(0, dtype=torch.int64, device=device)
        self._places = self._keys

    def add(self, seed: Tensor, row: Tensor) -> Tensor:
        """Number the copies (seed, row), opening a hop for those not seen before.

        New ones are numbered by seed, then first appearance.
        """
        keys, index = torch.unique(seed * self._num_rows + row, return_inverse=True)
        order = torch.arange(len(seed), device=seed.device)
        first = order.new_zeros(len(keys)).scatter_reduce(
            0, index, order, "amin", include_self=False
        )
        known = torch.isin(keys, self._keys, assume_unique=True)
        places = torch.empty_like(keys)
        places[known] = self._places[torch.searchsorted(self._keys, keys[known])]
        fresh, first = keys[~known], first[~known]
        owner = torch.div(fresh, self._num_rows, rounding_mode="floor")
        arrival = torch.argsort(owner * len(seed) + first)
        fresh, owner = fresh[arrival], owner[arrival]
        numbers = self._count + torch.arange(len(fresh), device=seed.device)
        places[(~known).nonzero().flatten()[arrival]] = numbers
        self.seeds.append(owner)
        self.rows.append(fresh % self._num_rows)
        self._count += len(fresh)
        self._keys, merged = torch.cat([self._keys, fresh]).sort()
        self._places = torch.cat([self._places, numbers])[merged]
        return places[index]


def choose(count: Tensor, size: int, salt: Tensor) -> Tensor:
    """Draw uniform subsets.

    Args:
        count: [n] int64, each above `size`.
        salt: [n] int64 random keys.
    Returns: [n, size] int64, distinct within a row, from 0 to `count` - 1.
    """
    chosen = count.new_empty(len(count), size)
    near = count <= _NEAR * size
    for method, lists in ((_shuffled, near), (_drawn, ~near)):
        if bool(lists.any()):
            for part in lists.nonzero().flatten().split(max(1, _CHUNK // (_NEAR * size))):
                chosen[part] = method(count[part], size, salt[part])
    return chosen


def _shuffled(count: Tensor, size: int, salt: Tensor) -> Tensor:
    """The places of the `size` smallest of `count` random numbers."""
    longest = int(count.max())
    numbers = stream(salt, longest)
    beyond = torch.arange(longest, device=count.device) >= count.unsqueeze(1)
    numbers.masked_fill_(beyond, torch.iinfo(torch.int64).max)
    return numbers.topk(size, dim=1, largest=False).indices


def _drawn(count: Tensor, size: int, salt: Tensor) -> Tensor:
    """The first `size` distinct of twice as many drawn places; lists with fewer draw again.

    Which places are distinct says nothing about which they are, so every subset stays as likely.
    """
    draws = below(stream(salt, 2 * size), count.unsqueeze(1))
    ordered, order = draws.sort(dim=1, stable=True)
    fresh = torch.ones_like(draws, dtype=torch.bool)
    fresh.scatter_(1, order[:, 1:], ordered[:, 1:] != ordered[:, :-1])
    kept = fresh & (fresh.cumsum(1) <= size)
    short = kept.sum(1) < size
    chosen = draws.new_empty(len(count), size)
    chosen[~short] = draws[~short][kept[~short]].view(-1, size)
    if bool(short.any()):
        chosen[short] = _drawn(count[short], size, mix(salt[short]))
    return chosen


def _assemble(layout: Layout, found: list[_Copies], drawn: list[list[_Edges]]) -> Sample:
    rows = [row for copies in found for row in copies.rows]
    seeds = [seed for copies in found for seed in copies.seeds]
    num_copies = np.array([[len(row) for row in copies.rows] for copies in found], np.int64)
    edges = [[hop_edges[r] for hop_edges in drawn] for r in range(len(layout.edge_types))]
    num_edges = np.array([[len(e.row) for e in hops] for hops in edges], np.int64)
    first_copy = offsets(num_copies.sum(axis=1))
    none = rows[0][:0]
    shift = first_copy.tolist()
    src = [e.place + shift[layout.src[r]] for r, hops in enumerate(edges) for e in hops]
    degree = [e.degree for hops in edges for e in hops]
    return Sample(
        layout,
        torch.cat(rows),
        torch.cat(seeds),
        torch.cat([*src, none]).int(),
        torch.cat([none.new_zeros(1), torch.cat([*degree, none]).cumsum(0)]).int(),
        num_copies,
        num_edges.reshape(len(edges), layout.num_hops),
        _edge_rows([e for hops in edges for e in hops]),
    )


def _edge_rows(edges: list[_Edges]) -> Tensor | None:
    """See `Sample.edge_row`."""
    if all(e.edge_row is None for e in edges):
        return None
    found = [torch.full_like(e.row, -1) if e.edge_row is None else e.edge_row for e in edges]
    return torch.cat(found)
