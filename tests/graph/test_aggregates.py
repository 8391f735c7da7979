"""Aggregates of seeds against pandas, row by row, and against what a batch holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.errors import ConfigError
from hgl.features.table import TableFeatures
from hgl.graph.aggregates import BOUND, FEW_CODES, NUM_CODES, SeedAggregates
from hgl.graph.loader import SeedLoader
from hgl.graph.sampler import TemporalSampler
from hgl.typing import STATIC_TIME, UNKNOWN_TIME, EdgeType, TableLayout
from tests.graph.test_loader import Seeds
from tests.graph.worlds import World, worlds

LAYOUT = TableLayout(
    numerical=("size", "weight"),
    knots=((), ()),
    categorical=("flag", "kind", "nothing", "word"),
    cardinalities=(4, 13, 2, FEW_CODES + 1),
)
BARE = TableLayout()
DAY = 86400


def encoded(num_rows: int, seed: int, layout: TableLayout = LAYOUT) -> TableFeatures:
    """Random columns with missing and extreme numbers, missing and unknown codes."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(num_rows, 2)) * random.choice([1, 1000], (num_rows, 2))
    numbers[random.random((num_rows, 2)) < 0.3] = np.nan
    codes = random.integers(0, LAYOUT.cardinalities, (num_rows, 4))
    blocks = {
        "numerical": torch.from_numpy(numbers.astype(np.float32)),
        "categorical": torch.from_numpy(codes.astype(np.int32)),
    }
    return TableFeatures(layout, blocks if layout.numerical else {}, num_rows)


def expected(
    world: World, edge_type: EdgeType, table: TableFeatures, seed: tuple[int, int, int], **how: Any
) -> list[float]:
    """The columns of one relation and seed (row, limit, time)."""
    row, until, time = seed
    rows = world.candidates(edge_type, row, until, how["cut"], how["window"])
    out = [np.log1p(len(rows)), float(not rows)]
    if world.times[edge_type[0]] is not None:
        known = pd.Series([world.time(edge_type[0], r) for r in rows], dtype=object)
        for last in sorted({1, *how["lasts"]}):
            first = [(time - t) / DAY if t != STATIC_TIME else 36525.0 for t in known.tail(last)]
            out.append(np.log1p(min(first[0], 36525.0)) if first else 0.0)
    if not table.layout.numerical:
        return out
    numbers = pd.DataFrame(table.blocks["numerical"][rows].numpy()).clip(-BOUND, BOUND)
    codes = pd.DataFrame(table.blocks["categorical"][rows].numpy())
    for last in how["lasts"]:
        out += numbers.tail(last).mean().fillna(0.0).tolist()
        for column, count in ((0, 2), (1, NUM_CODES)):
            shares = codes[column].tail(last).value_counts(normalize=True)
            out += [shares.get(code, 0.0) for code in range(2, count + 2)]
    return out


@pytest.mark.parametrize("backend", ["numba", "torch"])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(world=worlds(), data=st.data())
def test_aggregates_are_those_of_pandas(backend: str, world: World, data: st.DataObject) -> None:
    graph = world.graph()
    referred = sorted({parent for _, _, parent, _ in world.fkeys})
    if not referred:
        return
    entity = data.draw(st.sampled_from(referred))
    known = [r for r in range(world.sizes[entity]) if world.time(entity, r) != UNKNOWN_TIME]
    rows = data.draw(st.lists(st.sampled_from(known), max_size=4)) if known else []
    until = [max(data.draw(st.integers(-4, 8)), world.time(entity, r)) for r in rows]
    time = [limit + data.draw(st.sampled_from([0, 1, 5 * DAY])) for limit in until]
    how = {
        "cut": data.draw(st.sampled_from(["inclusive", "strict"])),
        "window": data.draw(st.none() | st.integers(1, 6)),
        "lasts": data.draw(st.sampled_from([[1], [2], [1, 3], [1, 2, 5, 100]])),
    }
    features = {
        name: encoded(size, i, BARE if name == "c" else LAYOUT)
        for i, (name, size) in enumerate(world.sizes.items())
    }
    aggregates = SeedAggregates(graph, entity, features, backend=backend, **how)
    found = aggregates(*(torch.tensor(x, dtype=torch.int64) for x in (rows, until, time)))
    forth = [e for e in graph.edge_types if e[2] == entity and e[1].startswith("f2p_")]
    slow = [
        [x for e in forth for x in expected(world, e, features[e[0]], seed, **how)]
        for seed in zip(rows, until, time, strict=True)
    ]
    assert found.dtype == torch.float32
    assert found.shape == (len(rows), len(aggregates.names))
    np.testing.assert_allclose(found, np.reshape(slow, found.shape), rtol=1e-4, atol=1e-5)


def visits(times: list[int], *, visited: int = 0) -> World:
    return World(
        {"user": 2, "visit": len(times)},
        {"user": None, "visit": np.array(times)},
        [("visit", "by", "user", np.full(len(times), visited))],
    )


def of_user(values: list[float], world: World, **options: Any) -> torch.Tensor:
    """The aggregates of user 0 at second 100 when visits have these values."""
    numbers = {"numerical": torch.tensor(values).unsqueeze(1)}
    layout = TableLayout(numerical=("length",), knots=((),))
    batch = next(
        iter(
            SeedLoader(
                world.graph(),
                Seeds(np.array([0]), np.array([100]), **options),
                num_neighbors=[1],
                features={
                    "user": TableFeatures(BARE, {}, 2),
                    "visit": TableFeatures(layout, numbers, len(values)),
                },
                aggregates=[1, 2],
            )
        )
    )
    return batch["user"].aggregates


@pytest.mark.parametrize(
    ("last", "options", "seen"),
    [
        (100, {}, True),
        (101, {}, False),
        (100, {"cut": "strict"}, False),
        (99, {"cut": "strict"}, True),
        (60, {"visible_until": 59}, False),
        (60, {"visible_until": 60}, True),
        (UNKNOWN_TIME, {}, False),
    ],
)
def test_nothing_after_the_limit_is_seen(last: int, options: dict[str, Any], seen: bool) -> None:
    later = visits([10, 20, last])
    planted, plain = (of_user([1.0, 2.0, x], later, **options) for x in (9.0, -9.0))
    without = of_user([1.0, 2.0], visits([10, 20]), **options)
    assert torch.equal(planted, plain) == (not seen)
    assert torch.equal(planted, without) == (not seen)


def test_every_column_by_hand() -> None:
    world = visits([100 - DAY, 100 - 3 * DAY])  # not in the order of time
    (found,) = of_user([2.0, 4.0], world).tolist()
    expected = [np.log1p(2), 0, np.log1p(1), np.log1p(3), 2.0, 3.0]
    assert found == pytest.approx(expected, abs=1e-6)
    (nobody,) = of_user([2.0], visits([10], visited=1)).tolist()
    assert nobody == [0, 1, 0, 0, 0, 0]


def test_names_say_which_column_is_which() -> None:
    world = visits([10])
    features = {"visit": encoded(1, 0)}
    names = SeedAggregates(world.graph(), "user", features, [2]).names
    assert names[:6] == [
        "visit.by: count",
        "visit.by: none",
        "visit.by: days, last 1",
        "visit.by: days, last 2",
        "visit.by: mean size, last 2",
        "visit.by: mean weight, last 2",
    ]
    assert names[6:8] == [f"visit.by: share flag = code {code}, last 2" for code in (2, 3)]
    assert len(names) == len(set(names)) == 6 + 2 + NUM_CODES


@pytest.fixture(scope="module")
def events() -> World:
    random = np.random.default_rng(2)
    return World(
        {"user": 20, "event": 600},
        {"user": np.arange(20), "event": np.sort(random.integers(0, 100, 600))},
        [("event", "user", "user", random.integers(0, 20, 600))],
    )


@pytest.mark.parametrize(
    ("seeds", "options"),
    [
        ({}, {}),
        ({"cut": "strict"}, {"window": 30}),
        ({"visible_until": 60}, {}),
        ({}, {"staleness": 50.0, "shuffle": True}),
    ],
)
def test_they_count_what_the_batch_holds(
    events: World, seeds: dict[str, Any], options: dict[str, Any]
) -> None:
    random = np.random.default_rng(3)
    table = Seeds(random.integers(0, 20, 103), random.integers(20, 100, 103), **seeds)
    loader = SeedLoader(
        events.graph(), table, num_neighbors=[-1], batch_size=40, aggregates=[4], **options
    )
    for _ in range(2):
        for batch in loader:
            held = torch.bincount(batch["event"].batch, minlength=batch["user"].batch_size)
            counted = batch["user"].aggregates[:, 0].expm1().round()
            assert torch.equal(counted.long(), held)


def test_counts_are_of_all_that_a_seed_sees(events: World) -> None:
    graph, rows = events.graph(), torch.arange(20)
    until = torch.full((20,), 70)
    for options in ({}, {"cut": "strict"}, {"window": 20}):
        whole = TemporalSampler(graph, [-1], **options).sample("user", rows, until)
        counts = TemporalSampler(graph, [1], **options).count("user", rows, until)
        assert torch.equal(counts, whole.ptr.diff().long()[-20:].unsqueeze(1))


@pytest.mark.parametrize("lasts", [[], [0, 1], [-1], [5, 1], [2, 2], [1.5], [True]])
def test_numbers_that_do_not_ascend_are_refused(events: World, lasts: list[Any]) -> None:
    with pytest.raises(ConfigError, match=r"aggregates=\[.*\]: expected ascending numbers of rows"):
        SeedAggregates(events.graph(), "user", {}, lasts)


def test_a_table_that_nothing_refers_to_is_refused(events: World) -> None:
    with pytest.raises(ConfigError, match=r"aggregates=\[1\]: .* refer to 'event'; none does"):
        SeedAggregates(events.graph(), "event", {}, [1])
