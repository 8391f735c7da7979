"""Columns of seeds in DuckDB: by hand, as the slow reference has them, blind to what is later."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl import datasets
from hgl.aggregates.batch import compute, limits, sql
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.feature import Anchor, Feature, Source, Window
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.db import times
from hgl.db.database import Database
from hgl.errors import ConfigError, SchemaError
from hgl.features.encode import measure_tables
from hgl.tasks.task import Task
from tests.aggregates import towns
from tests.aggregates.reference import Reference
from tests.aggregates.towns import Seeds

NUMBERS = st.integers(0, 2**32)


def assert_same(found: FeatureTable, expected: FeatureTable) -> None:
    for i, feature in enumerate(expected.plan.numerical):
        np.testing.assert_allclose(
            found.numerical[:, i], expected.numerical[:, i], 1e-9, 1e-9, err_msg=feature.name
        )
    np.testing.assert_array_equal(found.categorical, expected.categorical)


@settings(max_examples=6)
@given(NUMBERS)
def test_every_feature_of_a_random_database_is_the_references(number: int):
    with tempfile.TemporaryDirectory() as folder:
        db, seeds = towns.random_town(number, Path(folder))
        plan = towns.everything(db.schema, "people", seeds.cut)
        assert_same(compute(db, plan, seeds), Reference(db).compute(plan, seeds))


@settings(max_examples=2)
@given(NUMBERS)
def test_what_is_later_than_the_limit_changes_nothing(number: int):
    """Later rows gone, then later rows with other contents, under other parents."""
    with tempfile.TemporaryDirectory() as folder:
        db, seeds = towns.random_town(number, Path(folder))
        plan = towns.everything(db.schema, "people", seeds.cut)
        born = db.times("people")
        limit = int(limits(seeds).max())
        known = np.ones(len(seeds.entity), bool) if born is None else born[seeds.entity] <= limit
        seeds = seeds.take(np.flatnonzero(known))
        expected = compute(db, plan, seeds)
        assert_same(compute(db.upto(limit), plan, seeds), expected)
        rewritten, moved = towns.rewritten(db, seeds, number, limit, Path(folder) / "rewritten")
        assert_same(compute(rewritten, plan, moved), expected)


def test_the_order_of_seeds_and_other_seeds_do_not_matter(tmp_path: Path):
    db, seeds = towns.random_town(7, tmp_path)
    plan = towns.everything(db.schema, "people", seeds.cut)
    table = compute(db, plan, seeds)
    rows = np.array([5, 5, 0, 3])
    assert_same(
        compute(db, plan, seeds.take(rows)),
        FeatureTable(plan, table.numerical[rows], table.categorical[rows]),
    )
    assert len(compute(db, plan, seeds.take(rows[:0]))) == 0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return shop_database(tmp_path_factory.mktemp("shop") / "arranged")


def shop_database(out: Path, future: float = 0.0) -> Database:
    """Ann buys at days 0, 2, 2 and 9, at shop x, x, y, y; Bob once, at a time nobody knows."""
    users = pd.DataFrame({"user": ["ann", "bob"], "age": [30.0, 40.0], "sort": ["old", None]})
    buys = pd.DataFrame(
        {
            "buy": [1, 2, 3, 4, 5],
            "user": ["ann", "ann", "ann", "ann", "bob"],
            "shop": ["x", "x", "y", "y", "x"],
            "at": pd.to_datetime(["2020-01-01", *["2020-01-03"] * 2, "2020-01-10", None]),
            "price": [1.0, None, 5.0, future, 7.0],
            "kind": ["food", "food", "toy", f"future {future}", "food"],
        }
    )
    manifest = {
        "tables": {
            "users": {"pkey": ["user"], "columns": {"sort": "categorical", "age": "numerical"}},
            "shops": {"pkey": ["shop"]},
            "buys": {
                "pkey": ["buy"],
                "time_col": "at",
                "fkeys": {"user": "users", "shop": "shops"},
                "columns": {"price": "numerical", "kind": "categorical"},
            },
        }
    }
    tables = {"users": users, "shops": pd.DataFrame({"shop": ["x", "y"]}), "buys": buys}
    return Database.open(tables, name="shop", manifest=manifest, out=out)


BUYS = Source("buys", ("user",))
LATEST_SHOP = Anchor(BUYS, "shop")
OF_SHOP = Source("buys", ("shop",))
BY_HAND = {
    Feature("count", BUYS): (3, 0),
    Feature("count", BUYS, window=Window(2)): (2, 0),
    # From the 1st, exclusive, to the 5th, inclusive.
    Feature("count", BUYS, window=Window(seconds=4 * 86400)): (2, 0),
    Feature("days", BUYS, window=Window(1)): (2, None),
    Feature("days", BUYS, window=Window(3)): (4, None),
    Feature("mean", BUYS, column="price"): (3, None),
    Feature("mean", BUYS, column="price", window=Window(2)): (5, None),
    Feature("share", BUYS, column="kind", value="food"): (2 / 3, None),
    Feature("last", BUYS, column="price"): (5, None),
    Feature("distinct", BUYS, column="kind"): (2, 0),
    Feature("count", OF_SHOP, LATEST_SHOP): (1, 0),
    Feature("last", OF_SHOP, LATEST_SHOP, "price"): (5, None),
    Feature("value", column="age"): (30, 40),
    Feature("phase", value="day cos"): (1, 1),
    Feature("last", BUYS, column="kind", categorical=True): (3, 0),
    Feature("value", column="sort", categorical=True): (1, 0),
}
"""At midnight of the 5th of January, for Ann and Bob; codes where categorical."""


def by_hand() -> FeaturePlan:
    texts = {f.name: ("food", "toy") for f in BY_HAND if f.categorical}
    return FeaturePlan("users", "inclusive", tuple(BY_HAND), texts)


def at_the_fifth(cut: str = "inclusive", day: int = 5) -> Seeds:
    time = times.instant(f"2020-01-{day:02}")
    return Seeds(np.array([0, 1]), np.array([time, time]), cut)  # type: ignore[arg-type]


def test_a_shop_by_hand(shop: Database):
    table = compute(shop, by_hand(), at_the_fifth())
    expected = np.array([*BY_HAND.values()], dtype=float).T
    np.testing.assert_allclose(table.numerical, expected[:, :-2])
    np.testing.assert_array_equal(table.categorical, expected[:, -2:])


def test_a_strict_seed_does_not_see_its_own_instant(shop: Database):
    plan = dataclasses.replace(by_hand(), cut="strict").keep(["buys.user: count"])
    assert compute(shop, plan, at_the_fifth("strict", 3)).numerical[0] == 1
    assert compute(shop, plan, at_the_fifth("strict", 4)).numerical[0] == 3


def test_days_are_counted_to_the_seed_and_rows_to_the_end_of_a_frozen_database(shop: Database):
    plan = by_hand().keep(["buys.user: count", "buys.user: days, last 1"])
    frozen = dataclasses.replace(at_the_fifth(day=20), visible_until=times.instant("2020-01-05"))
    assert compute(shop, plan, frozen).numerical[0].tolist() == [3, 17]


def test_a_planted_leak_reaches_no_seed_before_it(shop: Database, tmp_path: Path):
    """The fourth purchase tells the label; only a seed after it may see it."""
    leaky = shop_database(tmp_path / "leaky", future=1e6)
    assert_same(compute(leaky, by_hand(), at_the_fifth()), compute(shop, by_hand(), at_the_fifth()))
    after = at_the_fifth(day=10)
    there, absent = (compute(db, by_hand(), after).frame() for db in (leaky, shop))
    assert there["buys.user: last price"][0] == 1e6
    assert absent["buys.user: last price"][0] == 0


def test_the_text_is_one_query_over_the_tables_and_the_seeds(shop: Database):
    text = sql(shop, by_hand())
    with shop.connect() as connection:
        time = times.instant("2020-01-05")
        connection.execute(
            f'CREATE TABLE seeds AS SELECT 0 seed, 0 entity, {time} time, {time} "limit"'
        )
        found = connection.sql(text)
        assert found.columns == ["seed", *(f.name for f in BY_HAND)]
        assert found.fetchall()[0][1] == 3


def test_a_table_called_seeds_is_no_obstacle(tmp_path: Path):
    users = pd.DataFrame({"id": [1, 2]})
    seeds = pd.DataFrame({"id": [1, 2, 3], "user": [1, 1, 2]})
    keyed: dict = {"pkey": ["id"]}
    manifest = {"tables": {"users": keyed, "seeds": {**keyed, "fkeys": {"user": "users"}}}}
    db = Database.open({"users": users, "seeds": seeds}, manifest=manifest, out=tmp_path / "a")
    plan = FeaturePlan("users", "inclusive", (Feature("count", Source("seeds", ("user",))),))
    assert compute(db, plan, at_the_fifth()).numerical[:, 0].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (Feature("count", Source("sales", ("user",))), "table 'sales' not found"),
        (
            Feature("count", Source("buys", ("owner",))),
            "foreign key 'owner' is not in table 'buys'",
        ),
        (Feature("mean", BUYS, column="cost"), "column 'cost' is not in table 'buys'"),
        (Feature("value", column="height"), "column 'height' is not in table 'users'"),
        (Feature("count", OF_SHOP), "its path leads to 'shops', not to 'users'"),
        (Feature("count", OF_SHOP, Anchor(None, "shop")), "foreign key 'shop' is not in table"),
    ],
)
def test_what_the_database_lacks_is_said_in_one_line(
    shop: Database, feature: Feature, expected: str
):
    plan = FeaturePlan("users", "inclusive", (feature,))
    with pytest.raises(SchemaError) as raised:
        compute(shop, plan, at_the_fifth())
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "feature",
    [
        Feature("distinct", BUYS, column="kind", window=Window(5)),
        Feature("days", BUYS, window=Window(seconds=5)),
        Feature("count", BUYS, window=Window(5, 5)),
        Feature("count", BUYS, window=Window(0)),
        Feature("mean", BUYS),
        Feature("share", BUYS, column="kind"),
        Feature("value", BUYS, column="price"),
        Feature("phase", value="month sin"),
        Feature("since"),
        Feature("since", value="1); DROP TABLE users"),
        Feature("since", column="age", value="1"),
    ],
)
def test_what_a_function_does_not_have_is_refused(shop: Database, feature: Feature):
    with pytest.raises(ConfigError, match="has no such"):
        compute(shop, FeaturePlan("users", "inclusive", (feature,)), at_the_fifth())


def test_a_plan_for_the_other_cut_is_refused(shop: Database):
    with pytest.raises(ConfigError, match="cut='strict': the plan was made for 'inclusive'"):
        compute(shop, by_hand(), at_the_fifth("strict"))


def agrees_on_real_data(db: Database, task: Task, until: str) -> None:
    """All that `plan_features` says, for ten seeds of a database that ends at `until`."""
    seeds = task.seeds(db, "train")
    known = measure_tables(db, stats_until=seeds.stats_until, hidden=task.remove_columns)
    plan = plan_features(db, known, seeds, most=120)
    short = db.upto(until)
    early = np.flatnonzero(seeds.time <= times.instant(until))
    rows = np.random.default_rng(0).choice(early, 10, replace=False)
    some = Seeds(seeds.entity[rows], seeds.time[rows], seeds.cut)
    assert_same(compute(db, plan, some), Reference(short).compute(plan, some))


def test_rel_f1_is_the_references(shared_data: Path):
    folder = shared_data / "rel-f1"
    task = Task.load(folder / "tasks" / "driver-dnf")
    agrees_on_real_data(Database.open(folder), task, "1970-01-01")


def test_flights_are_the_references():
    agrees_on_real_data(datasets.open("flights"), Task.load("plane-late"), "2013-01-15")
