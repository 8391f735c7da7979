"""Small random databases and the slow, obvious way to say what a seed sees in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from hgl.graph.relations import RelationStore, foreign_key_relations
from hgl.graph.sample import Sample
from hgl.graph.temporal_graph import TemporalGraph
from hgl.typing import STATIC_TIME, UNKNOWN_TIME, EdgeType

Row = tuple[str, int]
Edge = tuple[EdgeType, int, int]


@dataclass
class World:
    """Tables (rows and times) and foreign keys (child, name, parent, parent rows or -1)."""

    sizes: dict[str, int]
    times: dict[str, np.ndarray | None]
    fkeys: list[tuple[str, str, str, np.ndarray]]

    def graph(self) -> TemporalGraph:
        relations = [
            relation
            for child, name, parent, rows in self.fkeys
            for relation in foreign_key_relations(
                child,
                name,
                parent,
                rows,
                num_parents=self.sizes[parent],
                child_time=self.times[child],
                parent_time=self.times[parent],
            )
        ]
        times = {t: None if x is None else torch.from_numpy(x) for t, x in self.times.items()}
        store = RelationStore(self.sizes, times, {r.edge_type: r for r in relations})
        return TemporalGraph.from_store(store)

    def time(self, table: str, row: int) -> int:
        times = self.times[table]
        return STATIC_TIME if times is None else int(times[row])

    def edges(self) -> list[Edge]:
        """All edges as (type, source row, target row), visible or not."""
        found: list[Edge] = []
        for child, name, parent, rows in self.fkeys:
            for row, parent_row in enumerate(rows.tolist()):
                if parent_row >= 0:
                    found.append(((child, f"f2p_{name}", parent), row, parent_row))
                    found.append(((parent, f"rev_f2p_{name}", child), parent_row, row))
        return found

    def visible(self, table: str, row: int, until: int, cut: str, window: int | None) -> bool:
        """Whether a seed that may see up to `until` sees a row that it is not itself."""
        if self.times[table] is None:
            return True
        time = self.time(table, row)
        if time == UNKNOWN_TIME or (window is not None and time <= until - window):
            return False
        return time <= until if cut == "inclusive" else time < until

    def candidates(
        self, edge_type: EdgeType, target: int, until: int, cut: str, window: int | None
    ) -> list[int]:
        """Visible sources of a target's edges, by time, then row."""
        sources = [
            source
            for found, source, row in self.edges()
            if found == edge_type
            and row == target
            and self.time(edge_type[2], row) != UNKNOWN_TIME
            and self.visible(edge_type[0], source, until, cut, window)
        ]
        return sorted(sources, key=lambda row: (self.time(edge_type[0], row), row))


def random_world(number: int) -> World:
    """World `number`: some tables empty, some static, some times equal, unknown or always."""
    random = np.random.default_rng(number)
    names = ["a", "b", "c", "d"][: random.integers(1, 5)]
    sizes = {
        name: int(random.choice([0, 1, 4, 8, 12], p=[0.05, 0.1, 0.25, 0.3, 0.3])) for name in names
    }
    times: dict[str, np.ndarray | None] = {}
    for name, size in sizes.items():
        known = random.integers(-3, 7, size)
        odd = random.choice([STATIC_TIME, UNKNOWN_TIME], size)
        timed = np.where(random.random(size) < 0.1, odd, known)
        times[name] = None if random.random() < 0.3 else timed
    fkeys = []
    for key in range(random.choice([0, 2, 3, 5])):
        child, parent = random.choice(names, 2)
        rows = random.integers(-1, max(sizes[parent], 0), sizes[child])
        fkeys.append((str(child), f"k{key}", str(parent), rows))
    return World(sizes, times, fkeys)


def worlds() -> st.SearchStrategy[World]:
    return st.builds(random_world, st.integers(0, 2**32))


@dataclass
class Seen:
    """A seed's part of a sample: the hop of each row, and each edge with its target's hop."""

    hops: dict[Row, int]
    edges: list[tuple[Edge, int]]


def seen_by(sample: Sample, num_seeds: int, edge_tables: Collection[str] = ()) -> list[Seen]:
    """Read a sample back, checking on the way that it is laid out as `Sample` says.

    A row of a table drawn as edges may have several copies; its nearest one counts.
    """
    layout, names = sample.layout, sample.layout.node_types
    row, seed = sample.row.tolist(), sample.seed.tolist()
    kind = np.repeat(np.arange(len(names)), sample.num_copies.sum(axis=1))
    hop = np.concatenate(
        [np.repeat(np.arange(layout.num_hops + 1), counts) for counts in sample.num_copies]
    )
    assert len(row) == len(seed) == len(kind)
    for t in range(len(names)):
        place = [(hop[c], seed[c]) for c in np.flatnonzero(kind == t)]
        assert place == sorted(place) or names[t] in edge_tables
    parts = [Seen({}, []) for _ in range(num_seeds)]
    for copy, owner in enumerate(seed):
        key = (names[kind[copy]], row[copy])
        assert key not in parts[owner].hops or key[0] in edge_tables
        parts[owner].hops.setdefault(key, int(hop[copy]))
    ptr, src, slot = sample.ptr.tolist(), sample.src.tolist(), 0
    for r, edge_type in enumerate(layout.edge_types):
        t, per_hop = layout.dst[r], [0] * layout.num_hops
        first = int(sample.first_copy[t])
        for target in range(first, first + int(sample.num_targets[t])):
            for source in src[ptr[slot] : ptr[slot + 1]]:
                assert kind[source] == layout.src[r]
                assert seed[source] == seed[target]
                edge = (edge_type, row[source], row[target])
                parts[seed[target]].edges.append((edge, int(hop[target])))
                per_hop[hop[target]] += 1
            slot += 1
        assert per_hop == sample.num_edges[r].tolist()
    assert slot == len(ptr) - 1
    assert ptr[-1] == len(src)
    return parts
