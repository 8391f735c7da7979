"""Which columns a schema suggests: all places, nothing hidden, a number that is kept to."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from hgl.aggregates.enumerate import FEW_VALUES, plan_features
from hgl.aggregates.feature import Anchor, Source
from hgl.aggregates.places import across, below, children
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.errors import ConfigError
from hgl.features.encode import measure_tables
from hgl.features.statistics import TableStatistics
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from tests.aggregates import towns

DAY = 86400


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Every table timed."""
    random = np.random.default_rng(0)
    manifest = towns.manifest(random)
    for block in manifest["tables"].values():
        block["time_col"] = "at"
    out = tmp_path_factory.mktemp("town") / "arranged"
    return Database.open(towns.frames(random), name="town", manifest=manifest, out=out)


@pytest.fixture(scope="module")
def statistics(town: Database) -> dict[str, TableStatistics]:
    return measure_tables(town, stats_until=1000)


def seeds(*days: float) -> SeedTable:
    """Training seeds of people, at some days of 1970."""
    task = Task(
        name="moves",
        entity_table="people",
        entity_col=("id",),
        target_col="moves",
        kind="binary",
        timedelta=7 * DAY,
        sql="SELECT 1",
    )
    time = np.array([int(d * DAY) for d in days])
    return SeedTable(
        task=task,
        split="train",
        entity=np.zeros(len(days), np.int64),
        time=time,
        target=None,
        classes=(0, 1),
        policy="rolling",
        cut="strict",
        visible_until=None,
        stats_until=1000,
        fingerprint="",
    )


def names(plan: FeaturePlan) -> set[str]:
    return {f.name for f in plan.features}


def test_places_are_one_or_two_keys_away_and_never_the_entities_again(town: Database):
    assert children(town.schema, "people") == [
        Source("orders", ("person",)),
        Source("people", ("boss",)),
    ]
    assert below(town.schema, "people") == [Source("items", ("order", "person"))]
    orders = Source("orders", ("person",))
    assert across(town.schema, "people") == [
        (Anchor(None, "town"), Source("shops", ("town",))),
        (Anchor(orders, "shop"), Source("orders", ("shop",))),
    ]


def test_each_place_has_its_functions(town: Database, statistics: dict[str, TableStatistics]):
    plan = plan_features(town, statistics, seeds(0, 1))
    assert plan.entity_table == "people"
    assert plan.cut == "strict"
    assert names(plan) >= {
        "value amount",
        "value kind",
        "age since",
        "orders.person: count",
        "orders.person: count, last 7 days",
        "orders.person: count, last 84 days",
        "orders.person: days, last 1",
        "orders.person: mean paid, last 20",
        "orders.person: last kind",
        "orders.person: distinct kind",
        "orders.person: share kind = it's, last 5",
        "items.order.person: mean amount, last 20",
        "orders.person shop > orders.shop: mean amount, last 100",
        "town > shops.town: last amount",
    }
    # The history of a shop, unlike a person's, has no end.
    hub = [f for f in plan.features if f.anchor.fkey and f.function not in ("last", "days")]
    assert {f.window.rows for f in hub} == {20, 100}
    assert [f.categorical for f in plan.features] == sorted(f.categorical for f in plan.features)
    assert plan.vocabularies.keys() == {f.name for f in plan.categorical}


def test_a_static_table_has_no_days_and_no_latest_rows(tmp_path: Path):
    random = np.random.default_rng(0)
    manifest = towns.manifest(random)
    for block in manifest["tables"].values():
        block["time_col"] = None
    db = Database.open(
        towns.frames(random), name="town", manifest=manifest, out=tmp_path / "arranged"
    )
    plan = plan_features(db, measure_tables(db, stats_until=0), seeds(0, 1))
    of_rows = [f for f in plan.features if f.source]
    assert {f.function for f in of_rows} == {"count", "mean", "share", "distinct"}
    assert all(f.window.rows is None and f.window.seconds is None for f in of_rows)
    assert not any(f.anchor.fkey for f in of_rows)


def test_depth_says_how_far_to_go(town: Database, statistics: dict[str, TableStatistics]):
    own, near, far = (plan_features(town, statistics, seeds(0), depth=d) for d in (0, 1, 2))
    assert all(f.source is None for f in own.features)
    assert all(f.source is None or len(f.source.path) == 1 for f in near.features)
    assert names(own) < names(near) < names(far)


def test_what_is_hidden_is_in_no_plan(town: Database):
    hidden = [("orders", "amount"), ("people", "kind")]
    known = measure_tables(town, stats_until=1000, hidden=hidden)
    plan = plan_features(town, known, seeds(0))
    used = {(f.source.table if f.source else "people", f.column) for f in plan.features}
    assert not used & set(hidden)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((0, 1), set()),
        ((0, 7, 21), set()),  # always the same day of the week
        ((0, 3, 14), {"week"}),
        ((0, 0.5, 14), {"week", "day"}),
        ((0, 3, 731), {"week", "year"}),
    ],
)
def test_periods_are_those_that_training_saw_twice(
    town: Database, statistics: dict[str, TableStatistics], days: tuple, expected: set
):
    plan = plan_features(town, statistics, seeds(*days), depth=0)
    found = {str(f.value).split()[0] for f in plan.features if f.function == "phase"}
    assert found == expected


def test_a_cap_takes_from_every_far_place_first(
    town: Database, statistics: dict[str, TableStatistics], caplog: pytest.LogCaptureFixture
):
    near = names(plan_features(town, statistics, seeds(0), depth=1))
    whole = plan_features(town, statistics, seeds(0))
    with caplog.at_level(logging.INFO):
        capped = plan_features(town, statistics, seeds(0), most=len(near) + 6)
    assert f"{len(whole.features) - len(near) - 6} of {len(whole.features)} features" in caplog.text
    assert near < names(capped)
    far = [f for f in capped.features if f.name not in near]
    assert len(far) == 6
    assert len({(f.anchor, f.source) for f in far}) == 3
    assert len(plan_features(town, statistics, seeds(0), most=5).features) == 5


def test_a_column_of_many_values_has_no_shares(
    town: Database, statistics: dict[str, TableStatistics]
):
    many = [f"value {i}" for i in range(FEW_VALUES + 1)]
    wide = {
        t: dataclasses.replace(s, vocabularies={**s.vocabularies, "kind": many})
        for t, s in statistics.items()
    }
    plan = plan_features(town, wide, seeds(0))
    assert {f.name for f in plan.features if f.column == "kind"} == {"value kind"}


@pytest.mark.parametrize(
    "arguments", [{"depth": 3}, {"lasts": (0,)}, {"windows": (-1,)}, {"most": 0}]
)
def test_numbers_out_of_range_are_refused(
    town: Database, statistics: dict[str, TableStatistics], arguments: dict
):
    with pytest.raises(ConfigError, match="expected"):
        plan_features(town, statistics, seeds(0), **arguments)


def test_rel_f1_has_more_than_a_hundred_columns(shared_data: Path):
    db = Database.open(shared_data / "rel-f1")
    train = Task.load(shared_data / "rel-f1" / "tasks" / "driver-dnf").seeds(db, "train")
    plan = plan_features(db, measure_tables(db, stats_until=train.stats_until), train)
    assert len(plan.features) >= 100
    # The year is the row's time under another name.
    assert not any(f.column == "year" for f in plan.features)
