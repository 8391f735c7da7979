"""Samplers against the brute-force reading of a database."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from hgl.errors import ConfigError, LeakageError, SchemaError
from hgl.graph.draws import random_keys
from hgl.graph.relations import RelationStore
from hgl.graph.sample import Sample
from hgl.graph.sampler import TemporalSampler
from hgl.graph.temporal_graph import TemporalGraph
from hgl.typing import STATIC_TIME, UNKNOWN_TIME
from tests.graph.worlds import World, seen_by, worlds

BACKENDS = ["numba", "torch"]
FIELDS = ("row", "seed", "src", "ptr")


def equal(first: Sample, second: Sample) -> bool:
    return all(torch.equal(getattr(first, f), getattr(second, f)) for f in FIELDS) and all(
        np.array_equal(getattr(first, f), getattr(second, f)) for f in ("num_copies", "num_edges")
    )


@st.composite
def queries(draw: st.DrawFn) -> tuple[World, str, torch.Tensor, torch.Tensor, dict[str, Any]]:
    """A world, seeds of one of its tables with limits, and sampler arguments."""
    world = draw(worlds())
    entity = draw(st.sampled_from(sorted(world.sizes, key=lambda name: -world.sizes[name])))
    rows = [r for r in range(world.sizes[entity]) if world.time(entity, r) != UNKNOWN_TIME]
    chosen = draw(st.lists(st.sampled_from(rows), min_size=1, max_size=4)) if rows else []
    until = [max(draw(st.sampled_from([8, 5, 4, 3, 2, -4])), world.time(entity, r)) for r in chosen]
    options = {
        "cut": draw(st.sampled_from(["inclusive", "strict"])),
        "window": draw(st.none() | st.integers(1, 6)),
        "strategy": draw(st.sampled_from(["uniform", "last"])),
        "num_neighbors": draw(st.lists(st.sampled_from([3, 2, -1, 1, 0]), min_size=1, max_size=3)),
    }
    seeds = torch.tensor(chosen, dtype=torch.int64), torch.tensor(until, dtype=torch.int64)
    return world, entity, *seeds, options


def check_laws(
    world: World,
    entity: str,
    rows: torch.Tensor,
    until: torch.Tensor,
    options: dict[str, Any],
    sample: Sample,
) -> None:
    """Everything that must hold of any sample, whatever was picked."""
    fanout, graph = options["num_neighbors"], world.graph()
    cut, window = options["cut"], options["window"]
    for part, seed, limit in zip(
        seen_by(sample, len(rows)), rows.tolist(), until.tolist(), strict=True
    ):
        assert part.hops[entity, seed] == 0
        drawn = Counter(edge for edge, _ in part.edges)
        assert set(drawn.values()) <= {1}
        reached = {(entity, seed): 0}
        for (edge_type, source, target), hop in part.edges:
            assert part.hops[edge_type[2], target] == hop < len(fanout)
            assert world.visible(edge_type[0], source, limit, cut, window)
            key = (edge_type[0], source)
            reached[key] = min(reached.get(key, hop + 1), hop + 1)
        assert reached == part.hops
        for (table, target), hop in part.hops.items():
            for edge_type in graph.edge_types if hop < len(fanout) else ():
                if edge_type[2] != table:
                    continue
                taken = [s for (e, s, t) in drawn if (e, t) == (edge_type, target)]
                candidates = world.candidates(edge_type, target, limit, cut, window)
                size = len(candidates) if fanout[hop] < 0 else min(fanout[hop], len(candidates))
                assert set(taken) <= set(candidates)
                assert len(taken) == size
                if options["strategy"] == "last":
                    assert sorted(taken) == sorted(candidates[len(candidates) - size :])


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(query=queries())
def test_samples_obey_time_and_fanout(backend: str, query: Any) -> None:
    world, entity, rows, until, options = query
    sampler = TemporalSampler(world.graph(), backend=backend, **options)
    check_laws(*query, sampler.sample(entity, rows, until))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(query=queries())
def test_backends_agree_wherever_nothing_is_random(query: Any) -> None:
    world, entity, rows, until, options = query
    if options["strategy"] == "uniform":
        options["num_neighbors"] = [-1] * len(options["num_neighbors"])
    graph = world.graph()
    samples = [
        TemporalSampler(graph, backend=backend, **options).sample(entity, rows, until)
        for backend in BACKENDS
    ]
    assert equal(*samples)


def star(num_children: int, times: np.ndarray | None = None) -> World:
    parents = np.zeros(num_children, np.int64)
    return World(
        {"child": num_children, "parent": 1},
        {"child": times, "parent": None},
        [("child", "key", "parent", parents)],
    )


def draws(world: World, fanout: int, count: int, backend: str) -> torch.Tensor:
    """[count, fanout] children that `count` seeds at the one parent pick."""
    sampler = TemporalSampler(world.graph(), [fanout], backend=backend)
    rows = torch.zeros(count, dtype=torch.int64)
    keys = random_keys(3, 0, torch.arange(count))
    sample = sampler.sample("parent", rows, rows, keys=keys)
    return sample.row[sample.src.long()].view(count, fanout)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("children", "fanout"), [(6, 2), (6, 5), (11, 2), (30, 7), (200, 3)])
def test_every_child_is_as_likely(backend: str, children: int, fanout: int) -> None:
    count = 6000
    picked = draws(star(children), fanout, count, backend)
    found = torch.bincount(picked.flatten(), minlength=children).double()
    expected = count * fanout / children
    # Counts of draws without replacement vary less than multinomial ones, by this factor.
    spread = expected * (1 - fanout / children) * children / (children - 1)
    statistic = float(((found - expected) ** 2).sum() / spread)
    assert 1e-4 < chi2.sf(statistic, children - 1) < 1 - 1e-4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("children", "fanout"), [(5, 2), (7, 4), (12, 2)])
def test_every_subset_is_as_likely(backend: str, children: int, fanout: int) -> None:
    count = 8000
    picked = draws(star(children), fanout, count, backend).sort(dim=1).values
    _, found = torch.unique(picked, dim=0, return_counts=True)
    subsets = {(5, 2): 10, (7, 4): 35, (12, 2): 66}[children, fanout]
    assert len(found) == subsets
    statistic = float(((found - count / subsets) ** 2).sum() / (count / subsets))
    assert 1e-4 < chi2.sf(statistic, subsets - 1) < 1 - 1e-4


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_node_with_a_hundred_thousand_neighbours(backend: str) -> None:
    world = star(100_000, np.arange(100_000, dtype=np.int64))
    graph, rows, until = world.graph(), torch.tensor([0, 0]), torch.tensor([59_999, 99_999])
    whole = TemporalSampler(graph, [-1], backend=backend).sample("parent", rows, until)
    assert whole.num_copies.tolist() == [[0, 160_000], [2, 0]]
    assert torch.equal(whole.row[:60_000], torch.arange(60_000))
    some = TemporalSampler(graph, [64], backend=backend).sample("parent", rows, until)
    first = some.row[:64]
    assert first.unique().numel() == 64
    assert int(first.max()) < 60_000
    last = TemporalSampler(graph, [3], strategy="last", backend=backend)
    assert last.sample("parent", rows, until).row.tolist() == [
        *(59_997, 59_998, 59_999),
        *(99_997, 99_998, 99_999),
        *(0, 0),
    ]


@pytest.fixture(scope="module")
def shop() -> World:
    """Customers, products and the purchases between them."""
    random = np.random.default_rng(0)
    times = np.sort(random.integers(0, 1000, 3000))
    return World(
        {"customer": 40, "product": 25, "purchase": 3000},
        {"customer": None, "product": None, "purchase": times},
        [
            ("purchase", "who", "customer", random.integers(-1, 40, 3000)),
            ("purchase", "what", "product", random.integers(0, 25, 3000)),
        ],
    )


@pytest.mark.parametrize("fanout", [[-1, -1, 20], [40, 30, 20]])
def test_backends_agree_when_a_seed_outgrows_the_first_workspace(
    shop: World, fanout: list[int]
) -> None:
    rows, until = torch.arange(40).repeat(4), torch.arange(160) * 6
    samples = [
        TemporalSampler(shop.graph(), fanout, strategy="last", backend=backend).sample(
            "customer", rows, until
        )
        for backend in BACKENDS
    ]
    assert samples[0].row.numel() > 2**15
    assert equal(*samples)


@pytest.mark.parametrize("strategy", ["uniform", "last"])
def test_threads_do_not_change_the_sample(shop: World, strategy: str) -> None:
    rows, until = torch.arange(40).repeat(3), torch.arange(120) * 8
    samples = [
        TemporalSampler(shop.graph(), [9, 5, 3], strategy=strategy, threads=threads).sample(
            "customer", rows, until
        )
        for threads in (1, 2, 3)
    ]
    assert equal(samples[0], samples[1])
    assert equal(samples[0], samples[2])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_seed_samples_the_same_in_any_company(shop: World, backend: str) -> None:
    rows, until = torch.arange(40), torch.full((40,), 700)
    keys = random_keys(5, 6, rows)
    sampler = TemporalSampler(shop.graph(), [4, 4], backend=backend)
    together = seen_by(sampler.sample("customer", rows, until, keys=keys), 40)
    for seed in (0, 17, 39):
        one = slice(seed, seed + 1)
        alone = sampler.sample("customer", rows[one], until[one], keys=keys[one])
        assert seen_by(alone, 1)[0] == together[seed]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("strategy", ["uniform", "last"])
@pytest.mark.parametrize(("cut", "known_until"), [("inclusive", 500), ("strict", 499)])
def test_the_future_can_be_forged_without_notice(
    shop: World, backend: str, strategy: str, cut: str, known_until: int
) -> None:
    random = np.random.default_rng(9)
    times = shop.times["purchase"]
    assert times is not None
    future = times > known_until
    assert 0 < future.sum() < len(times)
    forged = World(
        {**shop.sizes, "customer": 41},
        {**shop.times, "purchase": np.where(future, UNKNOWN_TIME, times)},
        [
            (child, key, parent, np.where(future, random.permutation(rows), rows))
            for child, key, parent, rows in shop.fkeys
        ],
    )
    rows, until = torch.arange(40), torch.full((40,), 500)
    first, second = (
        TemporalSampler(
            world.graph(), [6, 4, 3], strategy=strategy, cut=cut, backend=backend
        ).sample("customer", rows, until)
        for world in (shop, forged)
    )
    assert equal(first, second)


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_keys_pick_otherwise(shop: World, backend: str) -> None:
    rows, until = torch.arange(40), torch.full((40,), 700)
    sampler = TemporalSampler(shop.graph(), [4, 4], backend=backend)
    first, second = (
        sampler.sample("customer", rows, until, keys=random_keys(0, epoch, rows))
        for epoch in (0, 1)
    )
    assert not torch.equal(first.row, second.row)


@pytest.mark.parametrize("backend", BACKENDS)
def test_fanout_per_relation(shop: World, backend: str) -> None:
    fanout = dict.fromkeys(shop.graph().edge_types, (0, 0))
    fanout["purchase", "f2p_who", "customer"] = (2, 0)
    fanout["product", "rev_f2p_what", "purchase"] = (5, -1)
    sampler = TemporalSampler(shop.graph(), fanout, backend=backend)
    sample = sampler.sample("customer", torch.tensor([3]), torch.tensor([999]))
    assert sample.num_copies.tolist()[0] == [1, 0, 0]
    assert sample.num_copies.tolist()[2] == [0, 2, 0]
    assert sample.num_copies[1, 2] in (1, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_64_bits(shop: World, backend: str) -> None:
    graph = shop.graph()
    wide = {
        e: dataclasses.replace(r, colptr=r.colptr.long(), row=r.row.long())
        for e, r in graph.relations.items()
    }
    twin = TemporalGraph.from_store(RelationStore(graph.num_nodes, graph.time, wide))
    rows, until = torch.arange(40), torch.full((40,), 500)
    first, second = (
        TemporalSampler(g, [4, 4], backend=backend).sample("customer", rows, until)
        for g in (graph, twin)
    )
    assert equal(first, second)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_seed_at_its_own_limit_stays_but_not_its_contemporaries(backend: str) -> None:
    world = World(
        {"order": 3, "shop": 1},
        {"order": np.array([1, 5, 5]), "shop": None},
        [("order", "at", "shop", np.zeros(3, np.int64))],
    )
    sampler = TemporalSampler(world.graph(), [-1, -1], cut="strict", backend=backend)
    part = seen_by(sampler.sample("order", torch.tensor([1]), torch.tensor([5])), 1)[0]
    assert part.hops == {("order", 1): 0, ("shop", 0): 1, ("order", 0): 2}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_graph_without_relations_and_a_batch_without_seeds(backend: str) -> None:
    lonely = World({"a": 3, "b": 0}, {"a": None, "b": None}, [])
    sampler = TemporalSampler(lonely.graph(), [5, 5], backend=backend)
    sample = sampler.sample("a", torch.tensor([2, 0, 2]), torch.zeros(3, dtype=torch.int64))
    assert (sample.row.tolist(), sample.seed.tolist()) == ([2, 0, 2], [0, 1, 2])
    assert (sample.src.tolist(), sample.ptr.tolist()) == ([], [0])
    none = torch.zeros(0, dtype=torch.int64)
    empty = TemporalSampler(star(3).graph(), [5, 5], backend=backend).sample("child", none, none)
    assert (empty.row.tolist(), empty.ptr.tolist(), empty.num_copies.sum()) == ([], [0], 0)


def test_seeds_later_than_their_limit_are_an_error() -> None:
    world = star(4, np.array([STATIC_TIME, 10, 86_400, UNKNOWN_TIME]))
    sampler = TemporalSampler(world.graph(), [1])
    with pytest.raises(LeakageError, match=r"1 of 3 seeds.*row 2 of 'child'.*1970-01-02.*00:00:10"):
        sampler.sample("child", torch.tensor([0, 1, 2]), torch.tensor([10, 10, 10]))
    with pytest.raises(LeakageError, match="unknown"):
        sampler.sample("child", torch.tensor([3]), torch.tensor([10]))


def test_a_graph_may_end_before_its_seeds() -> None:
    store = RelationStore(
        star(3).sizes,
        {"child": torch.tensor([1, 2, 3]), "parent": None},
        star(3, np.array([1, 2, 3])).graph().relations,
        visible_until=2,
    )
    sampler = TemporalSampler(TemporalGraph.from_store(store), [-1])
    assert sampler.sample("parent", torch.tensor([0]), torch.tensor([9])).row.tolist() == [0, 1, 0]
    with pytest.raises(LeakageError):
        sampler.sample("child", torch.tensor([2]), torch.tensor([9]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_neighbors": []}, "num_neighbors"),
        ({"num_neighbors": [-2]}, "num_neighbors"),
        ({"num_neighbors": [1.5]}, "num_neighbors"),
        ({"num_neighbors": {("x", "y", "z"): [1]}}, "unknown.*'x'"),
        ({"num_neighbors": {("child", "f2p_key", "parent"): [1]}}, "missing.*rev_f2p_key"),
        ({"num_neighbors": [1], "strategy": "first"}, "strategy='first'"),
        ({"num_neighbors": [1], "cut": "open"}, "cut='open'"),
        ({"num_neighbors": [1], "backend": "c"}, "backend='c'"),
        ({"num_neighbors": [1], "window": 0}, "window=0"),
        ({"num_neighbors": [1], "threads": 0}, "threads=0"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TemporalSampler(star(3).graph(), **arguments)


def test_bad_seeds() -> None:
    sampler = TemporalSampler(star(3).graph(), [1])
    with pytest.raises(SchemaError, match=r"'uncle'.*child, parent"):
        sampler.sample("uncle", torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(SchemaError, match="rows 0 to 3 of 'child'"):
        sampler.sample("child", torch.tensor([0, 3]), torch.tensor([0, 0]))
