"""Customers that leave because one of their orders was red: a cause that is known."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.graph.spec import GraphSpec
from hgl.models.relational import RelationalModel
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Outcome, Sampling
from hgl.train.trainer import Trainer

SQL = """
SELECT t.timestamp, c.customer_id, count(e.customer_id) > 0 AS leaves
FROM timestamps t CROSS JOIN customers c
LEFT JOIN exits e ON e.customer_id = c.customer_id
  AND e.at > t.timestamp AND e.at <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY ALL
"""
MANIFEST = {
    "tables": {
        "customers": {"pkey": ["customer_id"], "columns": {"age": "numerical"}},
        "orders": {
            "pkey": ["order_id"],
            "time_col": "at",
            "fkeys": {"customer_id": "customers"},
            "columns": {"colour": "categorical", "price": "numerical"},
        },
        "exits": {"time_col": "at", "fkeys": {"customer_id": "customers"}},
    }
}
START = pd.Timestamp("2024-01-01")
DAY = 86400


def database(num_customers: int = 300) -> Database:
    """Four orders each in the first ten days; those with a red one leave every day after."""
    random = np.random.default_rng(0)
    customers = pd.DataFrame(
        {"customer_id": range(num_customers), "age": random.integers(18, 80, num_customers)}
    )
    orders = pd.DataFrame({"order_id": range(4 * num_customers)})
    orders["customer_id"] = orders.order_id % num_customers
    orders["at"] = START + pd.to_timedelta(random.integers(0, 10 * DAY, len(orders)), unit="s")
    orders["price"] = random.normal(size=len(orders))
    orders["colour"] = random.choice(["blue", "green", "grey"], len(orders))
    red = random.choice(num_customers, num_customers // 2, replace=False)
    orders.loc[red + num_customers * random.integers(0, 4, len(red)), "colour"] = "red"
    days = START + pd.to_timedelta(np.arange(12, 60), unit="D")
    exits = pd.DataFrame({"customer_id": np.repeat(red, len(days)), "at": np.tile(days, len(red))})
    return Database.open(
        {"customers": customers, "orders": orders, "exits": exits}, manifest=MANIFEST
    )


def task() -> Task:
    return Task(
        name="leaves",
        entity_table="customers",
        entity_col=("customer_id",),
        target_col="leaves",
        kind="binary",
        timedelta=5 * DAY,
        num_eval_timestamps=1,
        val_timestamp=int(START.timestamp()) + 40 * DAY,
        test_timestamp=int(START.timestamp()) + 50 * DAY,
        sql=SQL,
    )


def trained(network: Any, folder: Path, **sampling: Any) -> tuple[Experiment, Outcome]:
    """A model that has learnt what the exits, which it never sees, come from."""
    experiment = Experiment(
        db=database(),
        task=task(),
        model=functools.partial(RelationalModel, gnn=network, channels=16),
        trainer=Trainer(lr=0.01, max_epochs=4, seed=1),
        sampling=Sampling(num_neighbors=(8, 4), batch_size=100, **sampling),
        spec=GraphSpec(without_tables=("exits",)),
    )
    return experiment, experiment.train(folder)
