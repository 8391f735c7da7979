"""Past answers as a table: which, about whom, known when; and nothing of the future in them."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.db.database import Database
from hgl.graph.build import build_graph
from hgl.graph.loader import SeedLoader
from hgl.graph.spec import GraphSpec
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.tasks.history import with_history
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer

DAY = 86400


def answers(db: Database, name: str = "buys history") -> pd.DataFrame:
    frame = db.frame(name)
    users = db.frame("users")["user_id"]
    return pd.DataFrame(
        {
            "user": users.iloc[frame["entity_row"]].tolist(),
            "known": frame["known_at"].dt.strftime("%m-%d").tolist(),
            "answer": frame["answer"].tolist(),
        }
    )


def test_the_table_by_hand(shop: Database, buys: Task):
    found = answers(with_history(buys, shop))
    counted = {(user, known): answer for user, known, answer in found.itertuples(index=False)}
    assert len(counted) == len(found)
    # Seeds step back ten days at a time from 1 March to 1 January, and forward to 5 April.
    assert counted["ann", "01-11"] == 1.0
    assert counted["bob", "01-11"] == 1.0  # his purchase at the window's end belongs to it
    assert counted["bob", "01-21"] == 0.0
    assert counted["ann", "01-31"] == 1.0
    # Cat joined on 20 March: nothing is asked about her before.
    assert {known for user, known in counted if user == "cat"} == {"03-31", "04-10"}
    assert found["known"].is_monotonic_increasing


def test_other_tables_keys_and_times_stay(shop: Database, buys: Task):
    wider = with_history(buys, shop)
    wider.validate()
    assert set(wider.schema.tables) == {*shop.schema.tables, "buys history"}
    for name in shop.schema.tables:
        pd.testing.assert_frame_equal(wider.frame(name), shop.frame(name))
    assert wider.fingerprint != shop.fingerprint
    assert ("buys history", "f2p_entity", "users") in build_graph(wider).edge_types
    assert with_history(buys, shop).folder == wider.folder


def test_a_name_that_is_taken_is_not_taken_again(shop: Database, buys: Task):
    twice = with_history(buys, with_history(buys, shop))
    assert {"buys history", "buys history_"} <= set(twice.schema.tables)


@pytest.mark.parametrize("policy", ["rolling", "frozen"])
def test_no_seed_sees_an_answer_whose_window_is_open(shop: Database, buys: Task, policy: str):
    wider = with_history(buys, shop)
    graph = build_graph(wider)
    known = wider.times("buys history")
    seen = 0
    for split in ("train", "val", "test"):
        seeds = buys.seeds(shop, split, policy=policy)
        for batch in SeedLoader(graph, seeds, num_neighbors=[8, 8], batch_size=4):
            store = batch["buys history"]
            until = batch["users"].seed_time[store.batch].numpy()
            if policy == "frozen":
                until = np.minimum(until, seeds.visible_until)
            assert (known[store.n_id.numpy()] <= until).all()
            seen += store.num_nodes
    assert seen


@pytest.mark.parametrize(
    ("kind", "sql", "expected"),
    [
        ("multiclass", "CASE WHEN COUNT(p.purchase_id) > 0 THEN 'some' ELSE 'none' END", "some"),
        ("multilabel", "COALESCE(LIST(p.purchase_id) FILTER (p.purchase_id IS NOT NULL), [])", "1"),
        ("regression", "COALESCE(SUM(p.amount), 0)", 10.0),
    ],
)
def test_every_kind_of_answer(shop: Database, buys: Task, kind: str, sql: str, expected: object):
    asked = str(buys.sql).replace("COUNT(p.purchase_id) > 0 AS", f"{sql} AS")
    task = dataclasses.replace(buys, kind=kind, metric="", sql=asked)
    wider = with_history(task, shop)
    found = answers(wider, f"{task.name} history")
    first = found[(found["user"] == "ann") & (found["known"] == "01-11")]
    assert first["answer"].tolist() == [expected]
    stype = wider.schema.table(f"{task.name} history").column("answer").stype
    assert stype == ("numerical" if kind == "regression" else "categorical")


def habits() -> Database:
    """Half the customers come every day and half never; nothing but their visits tells."""
    random = np.random.default_rng(0)
    customers = pd.DataFrame({"customer_id": range(200), "noise": random.normal(size=200)})
    loyal = random.permutation(200)[:100]
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(120), unit="D")
    visits = pd.DataFrame({"customer_id": np.repeat(loyal, 120), "at": np.tile(days, 100)})
    manifest = {
        "tables": {
            "customers": {"pkey": ["customer_id"]},
            "visits": {"time_col": "at", "fkeys": {"customer_id": "customers"}},
        }
    }
    return Database.open({"customers": customers, "visits": visits}, manifest=manifest)


@pytest.mark.parametrize(("history", "least", "most"), [(True, 0.99, 1.0), (False, 0.3, 0.7)])
def test_a_run_learns_from_it(tmp_path: Path, history: bool, least: float, most: float):
    task = Task(
        name="comes",
        entity_table="customers",
        entity_col=("customer_id",),
        target_col="comes",
        kind="binary",
        timedelta=10 * DAY,
        num_eval_timestamps=1,
        val_timestamp=1_709_251_200,  # 2024-03-01
        test_timestamp=1_711_929_600,  # 2024-04-01
        sql="""
            SELECT t.timestamp, c.customer_id, count(v.at) > 0 AS comes
            FROM timestamps t CROSS JOIN customers c
            LEFT JOIN visits v ON v.customer_id = c.customer_id
              AND v.at > t.timestamp AND v.at <= t.timestamp + INTERVAL '{timedelta}'
            GROUP BY ALL
        """,
    )
    network = functools.partial(HeteroGraphSAGE, num_layers=1)
    experiment = Experiment(
        db=habits(),
        task=task,
        model=functools.partial(RelationalModel, gnn=network, channels=8),
        trainer=Trainer(lr=0.02, max_epochs=3),
        sampling=Sampling(num_neighbors=(4,), batch_size=100),
        spec=GraphSpec(without_tables=("visits",)),
        history=history,
    )
    outcome = experiment.train(tmp_path / "run")
    assert least <= outcome.metrics["test"]["roc_auc"] <= most
    again = experiment.predict(outcome.folder, outcome.seeds["test"])
    np.testing.assert_allclose(again, outcome.predictions["test"], atol=1e-6)
