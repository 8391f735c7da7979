"""A small shop whose customers come back when their last orders went well: something to learn."""

from __future__ import annotations

import copy
import functools
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer

SQL = """
SELECT t.timestamp, c.customer_id, count(o.order_id) > 0 AS returns
FROM timestamps t CROSS JOIN customers c
LEFT JOIN orders o ON o.customer_id = c.customer_id
  AND o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY ALL
"""
MANIFEST: dict[str, Any] = {
    "tables": {
        "customers": {"pkey": ["customer_id"], "columns": {"age": "numerical"}},
        "orders": {
            "pkey": ["order_id"],
            "time_col": "at",
            "fkeys": {"customer_id": "customers"},
            "columns": {"happy": "numerical"},
        },
    }
}


def shop(num_customers: int = 60, num_days: int = 200, num_brands: int = 0) -> Database:
    """Happy customers order every few days, the others stop after a while.

    Args:
        num_brands: of a further table that each order names a row of; 0: there is none.
    """
    random = np.random.default_rng(0)
    happy = random.random(num_customers) < 0.5
    rows = [
        (customer, day, float(happy[customer]) + random.normal(0, 0.3))
        for day in range(num_days)
        for customer in range(num_customers)
        if random.random() < (0.1 if happy[customer] else 0.02)
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "day", "happy"])
    orders.insert(0, "order_id", range(len(orders)))
    orders["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(orders.pop("day"), unit="D")
    customers = pd.DataFrame(
        {"customer_id": range(num_customers), "age": random.integers(18, 80, num_customers)}
    )
    tables, manifest = {"customers": customers, "orders": orders}, copy.deepcopy(MANIFEST)
    if num_brands:
        orders["brand_id"] = random.integers(num_brands, size=len(orders))
        tables["brands"] = pd.DataFrame({"brand_id": range(num_brands)})
        manifest["tables"]["brands"] = {"pkey": ["brand_id"]}
        manifest["tables"]["orders"]["fkeys"]["brand_id"] = "brands"
    return Database.open(tables, manifest=manifest)


def returns() -> Task:
    return Task(
        name="returns",
        entity_table="customers",
        entity_col=("customer_id",),
        target_col="returns",
        kind="binary",
        timedelta=10 * 86400,
        num_eval_timestamps=3,
        val_timestamp=1_713_571_200,  # 2024-04-20
        test_timestamp=1_716_163_200,  # 2024-05-20
        sql=SQL,
    )


def experiment(**trainer: Any) -> Experiment:
    # Processes draw their own dropout masks; only without it can one equal two.
    dropout = 0.0 if "HGL_TEST_NO_DROPOUT" in os.environ else 0.2
    network = functools.partial(HeteroGraphSAGE, num_layers=2, dropout=dropout)
    return Experiment(
        db=shop(),
        task=returns(),
        model=functools.partial(RelationalModel, gnn=network, channels=16),
        trainer=Trainer(**{"lr": 0.01, "max_epochs": 4, "seed": 1, **trainer}),
        sampling=Sampling(num_neighbors=(8, 4), batch_size=100),
    )


if __name__ == "__main__":  # for torchrun and for the process that is killed
    experiment().train(Path(sys.argv[1]), resume="resume" in sys.argv)
