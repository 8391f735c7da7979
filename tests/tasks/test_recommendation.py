"""Recommendation tasks: their labels, scores and baselines."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hgl.commands.folder import kept
from hgl.db import times
from hgl.db.database import Database
from hgl.errors import HglError, TaskError
from hgl.tasks.baselines import baselines
from hgl.tasks.candidates import candidates
from hgl.tasks.lists import Lists
from hgl.tasks.metrics import evaluate
from hgl.tasks.task import Task
from hgl.tasks.visits import find_visits
from tests.tasks.market import LISTS, buys, fields, market, orders

F1 = Path("/work/shared/data/rel-f1")


def lists_of(*members: list[int]) -> Lists:
    owner = np.repeat(np.arange(len(members)), [len(m) for m in members])
    values = np.array([row for m in members for row in m], dtype=np.int64)
    return Lists.grouped(owner, values, len(members))


def test_scores_by_hand() -> None:
    target = lists_of([1, 2, 3, 4], [7])
    prediction = np.array([[1, 9, 2], [5, 7, -1]])
    scores = evaluate("recommendation", target, prediction)
    # Hits at ranks 1 and 3 of at most 3; a hit at rank 2 of at most 1.
    assert scores["map"] == pytest.approx(((1 + 2 / 3) / 3 + 1 / 2) / 2)
    assert scores["recall"] == pytest.approx((2 / 4 + 1) / 2)
    assert scores["precision"] == pytest.approx(3 / 6)
    assert scores["mrr"] == pytest.approx((1 + 1 / 2) / 2)
    discounts = 1 / np.log2([2, 3, 4])
    gains = [(discounts[0] + discounts[2]) / discounts.sum(), discounts[1] / discounts[0]]
    assert scores["ndcg"] == pytest.approx(np.mean(gains))


@given(st.data())
def test_map_is_relbenchs(data: st.DataObject) -> None:
    metrics = pytest.importorskip("relbench.metrics")
    base = pytest.importorskip("relbench.base")
    members = data.draw(st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=6))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    prediction = np.stack([random.permutation(13)[:5] for _ in members])
    frame = pd.DataFrame({"dst": [sorted(m) for m in members]})
    table = base.Table(frame, {}, None, None)
    asked = SimpleNamespace(eval_k=5, dst_entity_col="dst", metrics=[metrics.map])
    theirs = base.RecommendationTask.evaluate(asked, prediction, table)["map"]
    ours = evaluate("recommendation", lists_of(*map(sorted, members)), prediction)["map"]
    assert abs(theirs - ours) < 1e-9


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=5), st.integers(0, 9))
def test_lists_choose_and_hold_as_lists_do(members: list[list[int]], seed: int) -> None:
    found = lists_of(*members)
    distinct = [sorted(set(m)) for m in members]
    assert [found.values[a:b].tolist() for a, b in zip(found.ptr, found.ptr[1:])] == distinct
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(members), 4) if members else np.zeros(0, np.int64)
    part = found[chosen]
    assert [part.values[a:b].tolist() for a, b in zip(part.ptr, part.ptr[1:])] == [
        distinct[i] for i in chosen
    ]
    rows = random.integers(-1, 7, (len(members), 3))
    assert found.holds(rows).tolist() == [
        [r in m for r in asked] for asked, m in zip(rows.tolist(), distinct)
    ]


@pytest.mark.parametrize("sql", [buys().sql, LISTS], ids=["pairs", "lists"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_labels_are_those_of_a_slow_reference(sql: str, split: str) -> None:
    bought = orders()
    seeds = buys(sql=sql).seeds(market(bought), split, policy="rolling")
    bought["row"] = bought["product"].str[1:].astype(int)
    moments = pd.to_datetime(np.unique(seeds.time), unit="s")
    expected = []
    for moment in moments:
        inside = (bought["at"] > moment) & (bought["at"] <= moment + pd.Timedelta("10 days"))
        if split != "test":
            inside &= bought["at"] <= "2024-05-20"
        for customer, part in bought[inside].groupby("customer_id"):
            expected.append((moment.value // 10**9, customer, sorted(set(part["row"]))))
    target = seeds.answers
    found = [target.values[a:b].tolist() for a, b in zip(target.ptr, target.ptr[1:])]
    assert list(zip(seeds.time.tolist(), seeds.entity.tolist(), found)) == expected
    named = seeds.frame(market(bought.drop(columns="row")))["product"].tolist()
    assert named == [[f"p{row:02d}" for row in rows] for rows in found]


def timed_products(bought: pd.DataFrame) -> Database:
    """p00 comes on the market last, after the test timestamp."""
    products = pd.DataFrame({"product": [f"p{i:02d}" for i in range(30)]})
    products["since"] = pd.Timestamp("2023-01-01")
    products.loc[0, "since"] = pd.Timestamp("2024-06-01")
    customers = pd.DataFrame({"customer_id": range(60)})
    manifest: dict[str, Any] = {
        "tables": {
            "customers": {"pkey": ["customer_id"]},
            "products": {"pkey": ["product"], "time_col": "since"},
            "orders": {
                "pkey": ["order_id"],
                "time_col": "at",
                "fkeys": {"customer_id": "customers", "product": "products"},
            },
        }
    }
    tables = {"customers": customers, "products": products, "orders": bought}
    return Database.open(tables, manifest=manifest)


def test_destinations_beyond_the_test_timestamp_go_and_emptied_rows_with_them() -> None:
    bought = orders()
    bought.loc[bought["customer_id"] == 5, "product"] = "p00"
    db = timed_products(bought)
    late = len(db.frame("products")) - 1
    assert db.frame("products")["product"].iloc[late] == "p00"
    frozen = buys().seeds(db, "test", policy="frozen")
    rolling = buys().seeds(db, "test", policy="rolling")
    assert late not in frozen.answers.values
    assert (frozen.answers.counts > 0).all()
    assert 5 in rolling.entity
    assert 5 not in frozen.entity
    assert any("pairs left out" in note for note in frozen.notes)
    assert late not in candidates(rolling, db).entity, "it is not known at the seed time"


def test_a_destination_known_from_the_seed_time_on_is_none_yet_under_the_strict_cut() -> None:
    db = timed_products(orders())
    seeds = buys().seeds(db, "test", policy="rolling")
    since = int(pd.Timestamp("2024-06-01").timestamp())
    moved = seeds.moved(np.full(len(seeds), since))
    late = len(db.frame("products")) - 1
    assert late in candidates(moved, db).entity
    strict = candidates(dataclasses.replace(moved, cut="strict"), db)
    assert sorted(strict.entity) == list(range(late))


def test_a_key_of_several_columns_is_read_from_pairs() -> None:
    bought = orders()
    bought["shelf"], bought["place"] = bought["product"].str[1:2], bought["product"].str[2:3]
    places = pd.DataFrame({"shelf": list("000111"), "place": list("012012"), "price": range(6)})
    manifest: dict[str, Any] = {
        "tables": {
            "customers": {"pkey": ["customer_id"]},
            "places": {"pkey": ["shelf", "place"]},
            "orders": {"pkey": ["order_id"], "time_col": "at"},
        }
    }
    customers = pd.DataFrame({"customer_id": range(60)})
    db = Database.open(
        {"customers": customers, "places": places, "orders": bought}, manifest=manifest
    )
    task = buys(
        dst_entity_table="places",
        dst_entity_col=["shelf", "place"],
        sql=buys().sql.replace("o.product", "o.shelf, o.place"),  # type: ignore[union-attr]
    )
    seeds = task.seeds(db, "val")
    keys = seeds.frame(db)["shelf"]
    first = seeds.answers.values[0]
    assert keys[0][0] == places.iloc[first][["shelf", "place"]].to_dict()


def test_a_task_outlives_its_file() -> None:
    task = buys()
    stored = yaml.safe_load(yaml.safe_dump(kept(task)))
    assert Task.from_mapping(stored, "task") == task


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"eval_k": 0}, "eval_k=0; expected a whole number of 1 or more"),
        ({"eval_k": None}, "field(s) 'eval_k' missing"),
        ({"dst_entity_table": "goods"}, "table 'goods' not found"),
        ({"dst_entity_col": ["product", "at"]}, "dst_entity_col is ['product', 'at']"),
        ({"metric": "roc_auc"}, "recommendation has map, recall"),
        ({"sql": buys().sql.replace("o.product", "'x' AS product")}, "no destination is known"),  # type: ignore[union-attr]
    ],
)
def test_bad_input_is_one_error(change: dict[str, Any], said: str) -> None:
    with pytest.raises(HglError) as error:
        buys(**change).seeds(market(), "train")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_lists_and_single_keys_do_not_mix(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "timestamp": pd.to_datetime(["2024-02-01", "2024-02-01"]),
            "customer_id": [1, 2],
            "product": ["p01", "p02"],
        }
    )
    task = buys()
    mixed = frame.astype({"product": object})
    mixed.at[0, "product"] = ["p01"]
    from hgl.tasks import links

    with pytest.raises(TaskError, match=r"'product' holds 'p02'; expected a list in every row"):
        links.pairs(task, mixed, "labels")


def slow_popularity(bought: pd.DataFrame, moment: int, days: int | None) -> list[int]:
    at = bought["at"].astype("datetime64[s]").astype(np.int64)
    seen = bought[(at <= moment) & (at > (-1 if days is None else moment - days * 86400))]
    counts = seen["product"].value_counts()
    ranked = sorted(range(30), key=lambda row: (-counts.get(f"p{row:02d}", 0), row))
    return ranked[:3]


def test_baselines_read_what_the_seeds_see() -> None:
    pytest.importorskip("lightgbm")
    bought = orders()
    task, db = buys(), market(bought)
    train, val, test = (task.seeds(db, split) for split in ("train", "val", "test"))
    found = baselines(db, train, val, test)
    assert list(found) == [
        "popularity",
        "past visit",
        "past visit, then popularity",
        "LightGBM on pairs",
    ]
    moment = int(test.time[0])
    allowed = [slow_popularity(bought, moment, days) for days in (None, 10, 20, 50)]
    assert found["popularity"]["test"][0].tolist() in allowed
    scores = {
        n: evaluate("recommendation", test.answers, p["test"])["map"] for n, p in found.items()
    }
    assert scores["past visit"] > scores["popularity"] + 0.3
    assert scores["LightGBM on pairs"] > scores["popularity"] + 0.3

    later = bought.copy()
    later.loc[later["at"] > pd.Timestamp(moment, unit="s"), "product"] = "p07"
    other = market(later)
    again = baselines(other, train, val, test)
    for name, predictions in found.items():
        assert np.array_equal(predictions["test"], again[name]["test"]), name


def test_visits_are_the_rows_behind_the_labels() -> None:
    db = market()
    visits = find_visits(db, buys().seeds(db, "train"))
    assert visits.name == "orders (customer_id, product)"
    assert len(visits.time) == len(orders())


def test_without_a_table_between_labels_stand_in_when_they_are_known() -> None:
    bought = orders()
    manifest: dict[str, Any] = {
        "tables": {
            "customers": {"pkey": ["customer_id"]},
            "products": {"pkey": ["product"]},
            "orders": {"pkey": ["order_id"], "time_col": "at", "fkeys": {"product": "products"}},
        }
    }
    products = pd.DataFrame({"product": [f"p{i:02d}" for i in range(30)]})
    customers = pd.DataFrame({"customer_id": range(60)})
    db = Database.open(
        {"customers": customers, "products": products, "orders": bought.rename(columns={})},
        manifest=manifest,
    )
    if db.schema.table("orders").fkeys and any(
        f.parent == "customers" for f in db.schema.table("orders").fkeys
    ):
        pytest.skip("the key to customers was inferred")
    train = buys().seeds(db, "train")
    visits = find_visits(db, train)
    assert visits.name == "training labels"
    assert visits.time.min() == train.time.min() + train.task.timedelta


def test_the_published_rows_are_all_there() -> None:
    folder = F1 / "tasks" / "driver-circuit-compete"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    task, db = Task.load(folder), Database.open(F1)
    sizes = {split: len(task.seeds(db, split)) for split in ("train", "val", "test")}
    assert sizes == {"train": 2649, "val": 27, "test": 27}
    assert task.destination is not None
    assert task.destination.eval_k == 10
    assert times.text(int(task.seeds(db, "val").time[0])).startswith("2005-01-01")


def test_fields_are_relbenchs_or_ours() -> None:
    ours = fields()
    ours["entity_table"], ours["entity_col"] = (
        ours.pop("src_entity_table"),
        ours.pop("src_entity_col"),
    )
    assert Task.from_mapping(ours, "task") == buys()
