from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError, LeakageError, SchemaError
from hgl.graph.loader import SeedLoader
from hgl.graph.temporal_graph import TemporalGraph
from tests.graph.worlds import World


@dataclass
class Task:
    entity_table: str = "user"
    remove_columns: tuple[tuple[str, str], ...] = (("user", "secret"),)


@dataclass
class Seeds:
    entity: np.ndarray
    time: np.ndarray
    target: np.ndarray | None = None
    task: Task = field(default_factory=Task)
    cut: Any = "inclusive"
    visible_until: int | None = None
    stats_until: int = 50


@pytest.fixture(scope="module")
def graph() -> TemporalGraph:
    random = np.random.default_rng(2)
    times = np.sort(random.integers(0, 100, 600))
    joined = np.arange(20)
    world = World(
        {"user": 20, "event": 600},
        {"user": joined, "event": times},
        [("event", "user", "user", random.integers(0, 20, 600))],
    )
    return world.graph()


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    random = np.random.default_rng(3)
    return Seeds(
        random.integers(0, 20, 103), random.integers(20, 100, 103), random.random((103, 2))
    )


def loader(graph: TemporalGraph, seeds: Seeds, **options: Any) -> SeedLoader:
    return SeedLoader(graph, seeds, **{"num_neighbors": [5, 3], "batch_size": 10, **options})


def flat(batch: HeteroData) -> list[list[int]]:
    """All that a batch draws."""
    user, event = batch["user"], batch["event"]
    return [part.tolist() for part in (user.input_id, user.n_id, event.n_id, event.rel_time)]


def test_an_epoch_has_every_seed_once(graph: TemporalGraph, seeds: Seeds) -> None:
    batches = list(loader(graph, seeds))
    assert len(batches) == len(loader(graph, seeds)) == 11
    assert torch.cat([b["user"].input_id for b in batches]).tolist() == list(range(103))
    for batch in batches:
        user = batch["user"]
        assert user.batch_size == len(user.input_id)
        assert user.n_id[: user.batch_size].tolist() == seeds.entity[user.input_id].tolist()
        assert user.seed_time.tolist() == seeds.time[user.input_id].tolist()
        assert torch.equal(user.y, torch.from_numpy(seeds.target)[user.input_id])
        assert user.rel_time[: user.batch_size].min() >= 0
        assert batch["event"].rel_time.min() >= 0
        assert "columns" not in user


def test_shuffling_is_new_each_epoch_and_the_same_each_run(
    graph: TemporalGraph, seeds: Seeds
) -> None:
    first = loader(graph, seeds, shuffle=True, workers=0)
    epochs = [[flat(b) for b in first] for _ in range(3)]
    orders = [list(chain.from_iterable(batch[0] for batch in epoch)) for epoch in epochs]
    assert all(sorted(order) == list(range(103)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]
    second = loader(graph, seeds, shuffle=True, workers=3, threads=2)
    assert [[flat(b) for b in second] for _ in range(3)] == epochs
    second.set_epoch(1)
    assert [flat(b) for b in second] == epochs[1]
    other = loader(graph, seeds, shuffle=True, seed=1)
    assert [flat(b) for b in other] != epochs[0]


def test_without_shuffling_every_epoch_is_the_same(graph: TemporalGraph, seeds: Seeds) -> None:
    batches = loader(graph, seeds)
    assert [flat(b) for b in batches] == [flat(b) for b in batches]


def test_another_view_of_the_tables_gives_its_own_batches(
    graph: TemporalGraph, seeds: Seeds
) -> None:
    none = World(
        {"user": 20, "event": 600},
        {t: None if x is None else x.numpy() for t, x in graph.time.items()},
        [("event", "user", "user", np.full(600, -1))],
    ).graph()
    options = {"shuffle": True, "aggregates": [1, 5]}
    first = loader(graph, seeds, **options)
    other = first.on(none)
    expected = list(loader(none, seeds, **options))
    for batch, alone in zip(other, expected, strict=True):
        assert flat(batch) == flat(alone)
        assert batch["event"].num_nodes == 0
        assert torch.equal(batch["user"].aggregates, alone["user"].aggregates)
    assert all(batch["event"].num_nodes > 0 for batch in first)


def test_resuming_goes_on_exactly(graph: TemporalGraph, seeds: Seeds) -> None:
    whole = loader(graph, seeds, shuffle=True)
    epochs = [[flat(b) for b in whole] for _ in range(2)]
    resumed = loader(graph, seeds, shuffle=True)
    resumed.set_epoch(0, step=7)
    assert [flat(b) for b in resumed] == epochs[0][7:]
    assert [flat(b) for b in resumed] == epochs[1]


@pytest.mark.parametrize(
    ("count", "batch_size", "world_size"), [(103, 10, 1), (103, 10, 4), (101, 10, 2), (3, 10, 3)]
)
def test_processes_share_each_batch(
    graph: TemporalGraph, seeds: Seeds, count: int, batch_size: int, world_size: int
) -> None:
    few = Seeds(seeds.entity[:count], seeds.time[:count])
    options = {"batch_size": batch_size, "shuffle": True, "workers": 0}
    ranks = [
        loader(graph, few, rank=rank, world_size=world_size, **options)
        for rank in range(world_size)
    ]
    assert len({len(rank) for rank in ranks}) == 1
    steps = list(zip(*ranks, strict=True))
    assert len(steps) == len(ranks[0])
    ids = [[b["user"].input_id.tolist() for b in step] for step in steps]
    joint = [list(chain.from_iterable(step)) for step in ids]
    assert sorted(chain.from_iterable(joint)) == list(range(count))
    for step in ids:
        sizes = [len(part) for part in step]
        assert 1 <= max(sizes) <= min(sizes) + 1
    alone = list(loader(graph, few, **options))
    if count % batch_size >= world_size:
        assert joint == [b["user"].input_id.tolist() for b in alone]


def test_limits_of_the_policy(graph: TemporalGraph, seeds: Seeds) -> None:
    frozen = Seeds(seeds.entity, seeds.time, visible_until=40)
    times = graph.time["event"]
    assert times is not None
    for batch in loader(graph, frozen, num_neighbors=[-1]):
        event = batch["event"]
        limit = batch["user"].seed_time[event.batch].clamp(max=40)
        assert bool((times[event.n_id] <= limit).all())
        assert torch.equal(event.rel_time, batch["user"].seed_time[event.batch] - times[event.n_id])
    with pytest.raises(LeakageError):
        loader(graph, Seeds(np.array([19]), np.array([30]), visible_until=18))


def test_the_seed_tables_cut_is_obeyed(graph: TemporalGraph) -> None:
    times = graph.time["event"]
    assert times is not None
    users, instants = np.repeat(np.arange(20), 5), np.tile(np.arange(20, 100, 16), 20)
    counts = []
    for cut in ("inclusive", "strict"):
        batch = next(
            iter(loader(graph, Seeds(users, instants, cut=cut), num_neighbors=[-1], batch_size=100))
        )
        counts.append(int((batch["event"].rel_time == 0).sum()))
    assert counts[0] > 0
    assert counts[1] == 0


def test_staleness_moves_limits_back_at_random(graph: TemporalGraph, seeds: Seeds) -> None:
    options = {"num_neighbors": [-1], "shuffle": True, "batch_size": 103}
    stale = loader(graph, seeds, staleness=30.0, **options)
    epochs = [next(iter(stale)) for _ in range(2)]
    fresh = next(iter(loader(graph, seeds, **options)))
    sizes = [batch["event"].num_nodes for batch in (*epochs, fresh)]
    assert sizes[0] != sizes[1]
    assert max(sizes[:2]) < sizes[2]
    visible = set(zip(fresh["event"].batch.tolist(), fresh["event"].n_id.tolist()))
    at = dict(zip(fresh["user"].input_id.tolist(), range(103)))
    for batch in epochs:
        owners = batch["user"].input_id[batch["event"].batch].tolist()
        seen = set(zip((at[owner] for owner in owners), batch["event"].n_id.tolist()))
        assert seen < visible
    stale.set_epoch(0)
    assert flat(next(iter(stale))) == flat(epochs[0])


def test_staleness_keeps_the_seeds_own_row(graph: TemporalGraph) -> None:
    own = Seeds(np.arange(20), np.arange(20))
    batch = next(iter(loader(graph, own, staleness=1e6, batch_size=20, num_neighbors=[-1])))
    assert batch["user"].n_id.tolist() == list(range(20))
    assert int(batch["event"].rel_time.min()) >= 0


@dataclass
class Ages:
    offset: int

    def gather(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        if self.offset < 0:
            raise OSError("the disk is gone")
        return {"numerical": rows.float() + self.offset}

    def to(self, device: torch.device | str) -> Ages:
        return self


def test_features_of_the_distinct_rows(graph: TemporalGraph, seeds: Seeds) -> None:
    asked = []

    def provide(stats_until: int, hidden: Any) -> dict[str, Ages]:
        asked.append((stats_until, tuple(hidden)))
        return {"user": Ages(100), "event": Ages(200)}

    encoded = dataclasses.replace(graph, provider=provide)
    batch = next(iter(loader(encoded, seeds)))
    assert asked == [(50, (("user", "secret"),))]
    for name, offset in (("user", 100), ("event", 200)):
        store = batch[name]
        assert torch.equal(store.columns["numerical"], store.rows.float() + offset)
    given = {"user": Ages(1), "event": Ages(2)}
    batch = next(iter(loader(encoded, seeds, features=given)))
    assert len(asked) == 1
    assert torch.equal(batch["user"].columns["numerical"], batch["user"].rows.float() + 1)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_batch_raises_where_it_is_used(
    graph: TemporalGraph, seeds: Seeds, workers: int
) -> None:
    broken = {"user": Ages(0), "event": Ages(-1)}
    with pytest.raises(OSError, match="disk is gone"):
        next(iter(loader(graph, seeds, features=broken, workers=workers)))


def test_stopping_early_leaves_no_thread(graph: TemporalGraph, seeds: Seeds) -> None:
    before = set(threading.enumerate())
    for batch in loader(graph, seeds, workers=2):
        assert batch["user"].batch_size == 10
        break
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size=0: expected 1 or more"),
        ({"batch_size": 2, "world_size": 3}, "batch_size=2: expected 3 or more"),
        ({"workers": -1}, "workers=-1"),
        ({"staleness": -1.0}, "staleness=-1"),
        ({"world_size": 0}, "world_size=0"),
        ({"rank": 2, "world_size": 2}, "rank=2: expected 0 to 1"),
        ({"num_neighbors": {("user", "knows", "user"): [1]}}, "knows"),
        ({"strategy": "best"}, "strategy='best'"),
    ],
)
def test_bad_arguments(
    graph: TemporalGraph, seeds: Seeds, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        loader(graph, seeds, **options)


def test_bad_seeds(graph: TemporalGraph) -> None:
    none = np.zeros(0, np.int64)
    with pytest.raises(ConfigError, match="0 seeds"):
        loader(graph, Seeds(none, none))
    with pytest.raises(SchemaError, match="'shop'"):
        loader(graph, Seeds(np.array([0]), np.array([50]), task=Task(entity_table="shop")))
    with pytest.raises(SchemaError, match="rows 25 to 25"):
        loader(graph, Seeds(np.array([25]), np.array([50])))
    with pytest.raises(LeakageError, match="1 of 1 seeds"):
        loader(graph, Seeds(np.array([19]), np.array([18])))
