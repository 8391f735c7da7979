"""Leaks of every kind that are planted, and none where none is."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from hgl.aggregates.enumerate import plan_features
from hgl.audit.canary import canaries, differences
from hgl.audit.change import changed
from hgl.audit.horizon import Change, Horizon, horizons
from hgl.audit.observer import Batches, Columns, Seen, Statistics
from hgl.audit.observers import standard_observers
from hgl.db.database import Database
from hgl.features.encode import measure_tables
from hgl.features.statistics import TableStatistics
from hgl.graph.build import build_graph
from hgl.graph.relations import Relation
from hgl.graph.spec import GraphSpec
from hgl.graph.temporal_graph import TemporalGraph
from hgl.tasks.task import Task

SQL = """
SELECT t.timestamp, c.customer_id, count(o.order_id) > 0 AS returns
FROM timestamps t CROSS JOIN customers c
LEFT JOIN orders o ON o.customer_id = c.customer_id
  AND o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY ALL
"""
TASK = Task(
    name="returns",
    entity_table="customers",
    entity_col=("customer_id",),
    target_col="returns",
    kind="binary",
    timedelta=10 * 86400,
    num_eval_timestamps=2,
    val_timestamp=1_706_745_600,  # 2024-02-01
    test_timestamp=1_708_473_600,  # 2024-02-21
    sql=SQL,
)
EDGES = GraphSpec(edge_tables=("views",), null_keys="sink")


@pytest.fixture(scope="module")
def db() -> Database:
    """Customers who order, orders that views refer to as often as to customers, some to neither;
    some views are earlier than the order that they show, and some orders have no time."""
    random = np.random.default_rng(0)

    def at(count: int) -> pd.Series:
        days = np.sort(random.integers(0, 75, count))
        return pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"))

    orders = pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(300)],
            "customer_id": random.integers(0, 25, 300),
            "amount": random.normal(50, 20, 300),
            "kind": random.choice(["book", "film", "game"], 300),
            "at": at(300).mask(pd.Series(random.random(300) < 0.05)),
        }
    )
    views = pd.DataFrame(
        {
            "customer_id": pd.array(random.integers(0, 25, 400), "Int64"),
            "order_id": orders.order_id.sample(400, replace=True, random_state=1).to_numpy(),
            "length": random.integers(1, 90, 400),
            "at": at(400),
        }
    )
    views.loc[views.index % 7 == 0, "customer_id"] = pd.NA
    customers = pd.DataFrame({"customer_id": range(25), "age": random.integers(18, 80, 25)})
    tables: dict[str, Any] = {
        "customers": {"pkey": ["customer_id"], "columns": {"age": "numerical"}},
        "orders": {
            "pkey": ["order_id"],
            "time_col": "at",
            "fkeys": {"customer_id": "customers"},
            "columns": {"amount": "numerical", "kind": "categorical"},
        },
        "views": {
            "time_col": "at",
            "fkeys": {"customer_id": "customers", "order_id": "orders"},
            "columns": {"length": "numerical"},
        },
    }
    frames = {"customers": customers, "orders": orders, "views": views}
    return Database.open(frames, manifest={"tables": tables})


@pytest.fixture(scope="module")
def places(db: Database) -> list[Horizon]:
    return horizons(db, TASK, seeds=8, thorough=True)


@pytest.fixture(scope="module")
def statistics(db: Database) -> Mapping[str, TableStatistics]:
    return measure_tables(db, stats_until=int(TASK.val_timestamp or 0))


@pytest.mark.parametrize("change", get_args(Change))
def test_rows_up_to_a_horizon_stay_where_and_as_they_are(
    db: Database, places: list[Horizon], change: Change, tmp_path: Path
) -> None:
    horizon = places[0]
    other = changed(db, horizon, change, tmp_path / "other")
    other.validate()
    assert other.fingerprint != db.fingerprint
    for name, kept in horizon.stays(db).items():
        rows = np.flatnonzero(kept)
        before, after = db.frame(name).iloc[rows], other.frame(name).iloc[rows]
        positions = [f.row_col for f in db.schema.table(name).fkeys]
        pd.testing.assert_frame_equal(
            before.drop(columns=positions), after.drop(columns=positions), check_dtype=False
        )
        assert before[positions].isna().equals(after[positions].isna()), "no key is lost"


@pytest.mark.parametrize("change", get_args(Change))
def test_every_later_table_changes(
    db: Database, places: list[Horizon], change: Change, tmp_path: Path
) -> None:
    other = changed(db, places[0], change, tmp_path / "other")
    for name in ("orders", "views"):
        assert not db.frame(name).equals(other.frame(name))
    assert db.frame("customers").equals(other.frame("customers"))


def test_samples_have_both_splits_cuts_and_policies(places: list[Horizon]) -> None:
    assert {(p.split, p.cut) for p in places} == {
        (split, cut) for split in ("val", "test") for cut in ("inclusive", "strict")
    }
    assert all(list(p.asked) == ["frozen", "rolling"] for p in places)
    assert all(len(seeds) == 8 for p in places for seeds in p.asked.values())


def test_every_change_is_made_in_both_splits_and_cuts(db: Database) -> None:
    found = {(p.split, c) for p in horizons(db, TASK, seeds=1) for c in p.changes}
    assert found == {(s, c) for s in ("val", "test") for c in get_args(Change)}
    cuts = {(p.cut, c) for p in horizons(db, TASK, seeds=1) for c in p.changes}
    assert cuts == {(cut, c) for cut in ("inclusive", "strict") for c in get_args(Change)}


def test_every_drawing_is_looked_at_in_every_sampler(
    db: Database, statistics: Mapping[str, TableStatistics]
) -> None:
    train = TASK.seeds(db, "train", policy="rolling")
    asked = GraphSpec(without_tables=("views",))
    observers = list(standard_observers(db, train, asked, statistics))
    drawings = {"all rows as nodes": GraphSpec(), "views as edges": EDGES}
    drawings["the graph asked about"] = asked
    batches = [o for o in observers if isinstance(o, Batches)]
    assert [(o.drawn, o.backend, o.spec) for o in batches] == [
        (drawn, backend, spec) for drawn, spec in drawings.items() for backend in ("numba", "torch")
    ]
    assert [type(o) for o in observers[len(batches) :]] == [Columns, Statistics]


def test_a_clean_database_has_no_leak(
    db: Database, places: list[Horizon], statistics: Mapping[str, TableStatistics]
) -> None:
    train = TASK.seeds(db, "train", policy="rolling")
    observers = [
        *(Batches(GraphSpec(), "rows", backend, statistics) for backend in ("numba", "torch")),
        *(Batches(EDGES, "edges", backend, statistics) for backend in ("numba", "torch")),
        Columns(plan_features(db, statistics, train)),
        Statistics(train.stats_until, ()),
    ]
    tallies = canaries(db, places, observers)
    assert [list(tally.findings()) for tally in tallies] == [[]] * len(observers)
    assert all(tally.made >= 12 for tally in tallies)


def test_a_column_to_complete_of_a_table_that_nothing_refers_to_has_no_leak(db: Database) -> None:
    stated = {
        "name": "length",
        "kind": "autocomplete",
        "task_type": "regression",
        "entity_table": "views",
        "target_col": "length",
        "val_timestamp": "2024-02-01",
        "test_timestamp": "2024-02-21",
    }
    task = Task.from_mapping(stated, "task")
    train = task.seeds(db, "train", policy="rolling")
    hidden = train.task.remove_columns
    statistics = measure_tables(db, stats_until=train.stats_until, hidden=hidden)
    observers = [
        Batches(GraphSpec(), "rows", "numba", statistics),
        Columns(plan_features(db, statistics, train)),
    ]
    tallies = canaries(db, horizons(db, task, seeds=8), observers)
    assert [list(tally.findings()) for tally in tallies] == [[], []]


class LateSampler(Batches):
    """Batches of seeds that see a day more than they may."""

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        later = {
            policy: dataclasses.replace(
                seeds,
                time=seeds.time + 86400,
                visible_until=seeds.visible_until and seeds.visible_until + 86400,
            )
            for policy, seeds in horizon.asked.items()
        }
        return super().__call__(db, dataclasses.replace(horizon, asked=later))


class LateStatistics(Statistics):
    """Statistics of all rows."""

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        return Statistics(2**40, self.hidden)(db, horizon)


class Timeless(Batches):
    """Batches of a graph in which one table counts as known from the start."""

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        graph = build_graph(db, self.spec)
        relations = {e: _timeless(r, {"orders", "views"}) for e, r in graph.relations.items()}
        graph = dataclasses.replace(graph, relations=relations)
        return dict(self._of(graph, db, horizon))

    def _of(self, graph: TemporalGraph, db: Database, horizon: Horizon) -> Any:
        from hgl.features.encode import encode
        from hgl.features.table import TableFeatures

        features = encode(db, self.statistics)
        features |= dict.fromkeys(self.spec.sinks, TableFeatures.empty(1))
        for policy, seeds in horizon.asked.items():
            for name, array in self._batch(graph, features, seeds):
                yield f"{policy} {name}", array


def _timeless(relation: Relation, tables: Collection[str]) -> Relation:
    """The relation without the times of edges that stand for rows, or start at these tables."""
    if relation.edge_row is None and relation.edge_type[0] not in tables:
        return relation
    return dataclasses.replace(relation, time=None, source_time=None)


class FutureReader:
    """A model that reads a column of rows that are not in its batch."""

    name, detail = "predictions", "reads ahead"

    def looks(self, horizon: Horizon) -> bool:
        return True

    def __call__(self, db: Database, horizon: Horizon) -> Seen:
        mean = db.frame("orders").groupby("customer_id").amount.mean()
        return {
            policy: mean.reindex(seeds.entity).to_numpy() for policy, seeds in horizon.asked.items()
        }


def test_planted_leaks_are_caught(
    db: Database, places: list[Horizon], statistics: Mapping[str, TableStatistics]
) -> None:
    leaking = {
        "a sampler that ignores the cut": LateSampler(GraphSpec(), "rows", "numba", statistics),
        "statistics of all rows": LateStatistics(int(TASK.val_timestamp or 0), ()),
        "tables without their times": Timeless(GraphSpec(), "rows", "numba", statistics),
        "edges without their rows' times": Timeless(EDGES, "edges", "torch", statistics),
        "a model that reads ahead": FutureReader(),
    }
    tallies = canaries(db, places[:1], list(leaking.values()))
    for what, tally in zip(leaking, tallies, strict=True):
        (finding,) = tally.findings()
        assert finding.severity == "leak", what
        assert {"orders", "views"} & set(finding.place.split(", ")), what
    assert next(tallies[-1].findings()).place == "orders", "the table whose rows are read"


def test_arrays_are_compared_bit_for_bit() -> None:
    one = {"a": np.array([1.0, np.nan]), "b": np.array([0])}
    assert differences(one, {"a": np.array([1.0, np.nan]), "b": np.array([0])}) == []
    assert differences(one, {"a": np.array([1.0 + 2**-52, np.nan]), "b": np.array([0])}) == ["a"]
    assert differences(one, {"a": np.array([1.0, np.nan])}) == ["b"]
