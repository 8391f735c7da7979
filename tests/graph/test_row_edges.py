"""Tables drawn as edges: what they join, and that no edge is later than its seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.errors import SchemaError
from hgl.graph.batch import make_batch
from hgl.graph.relations import RelationStore
from hgl.graph.row_edges import Parent, row_edge_relations
from hgl.graph.sample import Sample
from hgl.graph.sampler import TemporalSampler
from hgl.graph.sinks import sink_relations
from hgl.graph.spec import NullKeys, sink_of
from hgl.graph.temporal_graph import TemporalGraph
from hgl.typing import STATIC_TIME, UNKNOWN_TIME, EdgeType
from tests.graph.worlds import World, random_world, seen_by


def test_rows_join_what_their_keys_name() -> None:
    # Rows 0..5 from user to item; row 1 has no user, row 4 no time, and item 2 has no known time.
    there, back = row_edge_relations(
        "likes",
        Parent("by", "user", np.array([0, -1, 1, 0, 1, 0]), 2, np.array([1, 20])),
        Parent("of", "item", np.array([1, 0, 1, 1, 0, 2]), 3, np.array([3, 8, UNKNOWN_TIME])),
        np.array([5, 6, 9, 4, UNKNOWN_TIME, 7]),
    )
    assert there.edge_type == ("user", "r2e_likes", "item")
    assert there.colptr.tolist() == [0, 0, 3, 3]
    assert there.row.tolist() == [0, 0, 1]
    assert list(there.time) == [4, 5, 20]  # the later of row and user
    assert list(there.edge_row) == [3, 0, 2]
    assert back.edge_type == ("item", "rev_r2e_likes", "user")
    assert back.colptr.tolist() == [0, 2, 3]
    assert list(back.time) == [8, 8, 9]  # the later of row and item
    assert list(back.edge_row) == [0, 3, 2]
    assert there.row_type == ("likes", "f2p_of", "item")
    assert back.row_type == ("likes", "f2p_by", "user")
    assert (there.num_null, there.num_hidden) == (back.num_null, back.num_hidden) == (1, 2)


def test_a_table_may_join_a_table_to_itself() -> None:
    there, back = row_edge_relations(
        "friends",
        Parent("one", "user", np.array([0, 0]), 2, None),
        Parent("other", "user", np.array([1, 1]), 2, None),
        None,
    )
    assert (there.edge_type[1], back.edge_type[1]) == ("r2e_friends", "rev_r2e_friends")
    assert there.row_type == ("friends", "f2p_other", "user")
    assert back.row_type == ("friends", "f2p_one", "user")
    assert there.time is None
    assert (there.row.tolist(), there.colptr.tolist()) == ([0, 0], [0, 0, 2])
    assert (back.row.tolist(), back.colptr.tolist()) == ([1, 1], [0, 2, 2])


def test_rows_out_of_range() -> None:
    with pytest.raises(SchemaError, match="'likes' drawn as edges: row 3 of 'item', expected 0 to"):
        row_edge_relations(
            "likes",
            Parent("by", "user", np.array([0]), 1, None),
            Parent("of", "item", np.array([3]), 3, None),
            None,
        )


@dataclass
class Joined(World):
    """A world with tables drawn as edges: (name, parents, parent rows, times)."""

    joins: list[tuple[str, tuple[str, str], tuple[np.ndarray, np.ndarray], np.ndarray | None]] = (
        field(default_factory=list)
    )

    def graph(self, with_rows: bool = True, null_keys: NullKeys = "drop") -> TemporalGraph:
        """The tables drawn as edges, their rows coming along or not."""
        keys, sizes, times = list(self.fkeys), dict(self.sizes), dict(self.times)
        for name, parents, rows, time in self.joins if with_rows else []:
            keys += [(name, f"{name}_{k}", parents[k], rows[k]) for k in (0, 1)]
            sizes[name], times[name] = len(rows[0]), time
        plain = World(sizes, times, keys).graph()
        drawn, num_nodes, known = dict(plain.relations), dict(plain.num_nodes), dict(plain.time)
        for name, parents, rows, time in self.joins:
            ends = [self._parent(f"{name}_{k}", parents[k], rows[k]) for k in (0, 1)]
            relations = [*row_edge_relations(name, *ends, time)]
            if null_keys == "sink":
                num_nodes[sink_of(name)], known[sink_of(name)] = 1, None
                relations += sink_relations(name, *ends, time)
            drawn |= {relation.edge_type: relation for relation in relations}
        return TemporalGraph.from_store(RelationStore(num_nodes, known, drawn))

    def _parent(self, fkey: str, table: str, rows: np.ndarray) -> Parent:
        return Parent(fkey, table, rows, self.sizes[table], self.times[table])

    def visible(self, table: str, row: int, until: int, cut: str, window: int | None) -> bool:
        return table.endswith(" sink") or super().visible(table, row, until, cut, window)

    def joined(self, edge_type: EdgeType, target: int, until: int, cut: str) -> Counter[int]:
        """Sources of a target that a seed sees through visible rows of a table drawn as edges."""
        found: Counter[int] = Counter()
        for name, _, (first, second), times in self.joins:
            there = edge_type[1] == f"r2e_{name}"
            if not there and edge_type[1] != f"rev_r2e_{name}":
                continue
            if edge_type[2] == sink_of(name):
                continue
            for row, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
                source, reached = pair if there else pair[::-1]
                if edge_type[0] == sink_of(name):
                    source = -1 if source >= 0 else 0
                seen = source >= 0 and self.visible(edge_type[0], source, until, cut, None)
                if reached == target and seen and _known(times, row, until, cut):
                    found[source] += 1
        return found


def _known(times: np.ndarray | None, row: int, until: int, cut: str) -> bool:
    if times is None:
        return True
    time = int(times[row])
    return time != UNKNOWN_TIME and (time <= until if cut == "inclusive" else time < until)


def random_joined(number: int) -> Joined:
    """A random world and one or two tables drawn as edges in it, some null keys among theirs."""
    world, random = random_world(number), np.random.default_rng(number + 1)
    joins = []
    for position in range(random.integers(1, 3)):
        parents = tuple(str(name) for name in random.choice(sorted(world.sizes), 2))
        count = int(random.integers(0, 25))
        rows = tuple(random.integers(-1, world.sizes[parent], count) for parent in parents)
        odd = random.choice([STATIC_TIME, UNKNOWN_TIME], count)
        times = np.where(random.random(count) < 0.1, odd, random.integers(-3, 7, count))
        joins.append((f"j{position}", parents, rows, None if random.random() < 0.2 else times))
    return Joined(world.sizes, world.times, world.fkeys, joins)


def edges_of(sample: Sample) -> Iterator[tuple[EdgeType, int, int, int, int]]:
    """Type, source copy, target copy, seed and row stood for of each sampled edge."""
    assert sample.edge_row is not None
    for r, edge_type in enumerate(sample.layout.edge_types):
        first, last = sample.first_slot[r : r + 2].tolist()
        first_copy = int(sample.first_copy[sample.layout.dst[r]])
        for slot in range(first, last):
            target = first_copy + slot - first
            for edge in range(*sample.ptr[slot : slot + 2].tolist()):
                source = int(sample.src[edge])
                seed = int(sample.seed[target])
                yield edge_type, source, target, seed, int(sample.edge_row[edge])


def check_edge_rows(world: Joined, sample: Sample, until: list[int], cut: str) -> None:
    """Every edge of a table names one of its rows, a visible one, that joins both ends; no two."""
    joins = {name: (keys, times) for name, _, keys, times in world.joins}
    found = []
    for edge_type, source, target, seed, row in edges_of(sample):
        name = edge_type[1].removeprefix("rev_").removeprefix("r2e_")
        assert (row >= 0) == ("r2e_" in edge_type[1])
        if row >= 0:
            keys, times = joins[name]
            from_sink = edge_type[0] == sink_of(name)
            ends = [-1 if from_sink else int(sample.row[source]), int(sample.row[target])]
            there = edge_type[1].startswith("r2e_")
            assert [int(key[row]) for key in keys] == (ends if there else ends[::-1])
            assert _known(times, row, until[seed], cut)
            found.append((edge_type, target, row))
    assert len(found) == len(set(found))


policies: st.SearchStrategy[NullKeys] = st.sampled_from(["drop", "sink"])


@st.composite
def queries(draw: st.DrawFn) -> tuple[Joined, str, list[int], list[int], dict[str, Any]]:
    """A world, seeds of one of its tables with limits, and sampler arguments."""
    world = random_joined(draw(st.integers(0, 2**32)))
    entity = draw(st.sampled_from(sorted(world.sizes, key=lambda name: -world.sizes[name])))
    rows = [r for r in range(world.sizes[entity]) if world.time(entity, r) != UNKNOWN_TIME]
    chosen = draw(st.lists(st.sampled_from(rows), min_size=1, max_size=4)) if rows else []
    until = [max(draw(st.sampled_from([8, 5, 4, 3, 2, -4])), world.time(entity, r)) for r in chosen]
    options = {
        "cut": draw(st.sampled_from(["inclusive", "strict"])),
        "strategy": draw(st.sampled_from(["uniform", "last"])),
        "num_neighbors": draw(st.lists(st.sampled_from([3, 2, -1, 1]), min_size=1, max_size=3)),
    }
    return world, entity, chosen, until, options


@pytest.mark.parametrize("backend", ["numba", "torch"])
@settings(max_examples=400, deadline=None, derandomize=True)
@given(query=queries(), null_keys=policies)
def test_nothing_sampled_is_later_than_its_seed(
    backend: str, query: Any, null_keys: NullKeys
) -> None:
    world, entity, rows, until, options = query
    graph, fanout = world.graph(False, null_keys), options["num_neighbors"]
    cut = options["cut"]
    sampler = TemporalSampler(graph, backend=backend, **options)
    sample = sampler.sample(entity, torch.tensor(rows).long(), torch.tensor(until).long())
    assert graph.row_types == {}
    check_edge_rows(world, sample, until, cut)
    for part, seed, limit in zip(seen_by(sample, len(rows)), rows, until, strict=True):
        for table, row in part.hops.keys() - {(entity, seed)}:
            assert world.visible(table, row, limit, cut, None)
        drawn = Counter(edge for edge, _ in part.edges)
        for (table, target), hop in part.hops.items():
            for edge_type in graph.edge_types if hop < len(fanout) else ():
                if edge_type[2] != table or "r2e_" not in edge_type[1]:
                    continue
                taken = Counter(
                    {s: n for (e, s, t), n in drawn.items() if (e, t) == (edge_type, target)}
                )
                candidates = world.joined(edge_type, target, limit, cut)
                assert taken <= candidates
                most = candidates.total() if fanout[hop] < 0 else fanout[hop]
                assert taken.total() == min(most, candidates.total())


@settings(max_examples=200, deadline=None, derandomize=True)
@given(query=queries(), null_keys=policies)
def test_backends_agree_on_the_rows(query: Any, null_keys: NullKeys) -> None:
    world, entity, rows, until, options = query
    options["strategy"] = "last"
    graph = world.graph(null_keys=null_keys)
    seeds = (torch.tensor(rows).long(), torch.tensor(until).long())
    first, second = (
        TemporalSampler(graph, backend=backend, **options).sample(entity, *seeds)
        for backend in ("numba", "torch")
    )
    assert first.edge_row is not None
    assert second.edge_row is not None
    assert torch.equal(first.edge_row, second.edge_row)
    for hops in range(len(options["num_neighbors"])):
        trimmed = first.trimmed(hops)
        assert trimmed.edge_row is not None
        assert trimmed.edge_row.numel() == trimmed.src.numel()
        check_edge_rows(world, trimmed, until, options["cut"])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(query=queries(), null_keys=policies)
def test_rows_come_along_with_their_edges(query: Any, null_keys: NullKeys) -> None:
    world, entity, rows, until, options = query
    seeds = torch.tensor(rows).long(), torch.tensor(until).long()
    graph = world.graph(null_keys=null_keys)
    sample = TemporalSampler(graph, **options).sample(entity, *seeds)
    check_edge_rows(world, sample, until, options["cut"])
    tables = [name for name, *_ in world.joins]
    hop_of = np.concatenate(
        [np.repeat(np.arange(sample.layout.num_hops + 1), counts) for counts in sample.num_copies]
    )
    found, expected = Counter[Any](), Counter[Any]()
    leaves = set(graph.row_types.values())
    for edge_type, source, target, seed, row in edges_of(sample):
        if "r2e_" in edge_type[1]:
            expected[graph.row_types[edge_type], target, seed, row, hop_of[target] + 1] += 1
        elif edge_type in leaves:
            at = int(sample.seed[source]), int(sample.row[source]), hop_of[source]
            found[edge_type, target, *at] += 1
        assert edge_type[2] not in tables
    assert found == expected
    # Each is the source of one edge, and nothing else has changed.
    copies = sum(sample.num_copies[sample.layout.node_types.index(t)].sum() for t in tables)
    assert copies == expected.total()
    plain = TemporalSampler(world.graph(False, null_keys), **options).sample(entity, *seeds)
    kept = [(p.hops, p.edges) for p in seen_by(plain, len(rows))]
    assert kept == [
        (
            {key: hop for key, hop in p.hops.items() if key[0] not in tables},
            [edge for edge in p.edges if edge[0][0] not in leaves],
        )
        for p in seen_by(sample, len(rows), tables)
    ]


def views(count: int) -> TemporalGraph:
    """Views of one item by one user, as edges, beside a foreign key from item to user."""
    random = np.random.default_rng(0)
    items = random.integers(0, 50, count)
    world = Joined(
        {"item": 50, "user": 1},
        {"item": None, "user": None},
        [("item", "owner", "user", np.zeros(50, np.int64))],
        [("view", ("item", "user"), (items, np.zeros(count, np.int64)), np.arange(count))],
    )
    return world.graph()


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_of_seeds_that_outgrow_the_first_workspace(threads: int) -> None:
    seeds = torch.zeros(4, dtype=torch.int64), torch.tensor([39_999, 10, 49_999, 20_000])
    graph = views(50_000)
    samples = [
        TemporalSampler(graph, [-1], backend="numba", threads=threads).sample("user", *seeds),
        TemporalSampler(graph, [-1], backend="torch").sample("user", *seeds),
    ]
    assert samples[0].edge_row is not None
    assert samples[1].edge_row is not None
    assert torch.equal(samples[0].edge_row, samples[1].edge_row)
    assert samples[0].edge_row.ge(0).sum() == 40_000 + 11 + 50_000 + 20_001


def test_batches_carry_the_rows() -> None:
    graph, until = views(200), torch.tensor([99, 5])
    sample = TemporalSampler(graph, [-1, 2]).sample("user", torch.zeros(2).long(), until)
    batch = make_batch(sample, graph, until)
    for edge_type in graph.edge_types:
        drawn, store = "r2e_" in edge_type[1], batch[edge_type]
        assert ("edge_row" in store) == drawn
        if drawn:
            assert store.edge_row.numel() == store.edge_index.shape[1]
            seed = batch[edge_type[2]].batch[store.edge_index[1]]
            assert bool((store.edge_row <= until[seed]).all())


def test_other_graphs_carry_none() -> None:
    graph = views(20)
    keys = [e for e in graph.edge_types if "r2e_" not in e[1]]
    relations = {e: graph.relations[e] for e in keys}
    plain = TemporalGraph.from_store(RelationStore(graph.num_nodes, graph.time, relations))
    for backend in ("numba", "torch"):
        sampler = TemporalSampler(plain, [2], backend=backend)
        assert sampler.sample("user", torch.tensor([0]), torch.tensor([9])).edge_row is None
