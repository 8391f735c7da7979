"""A market whose purchases can be edges: who was content with the last ones comes back."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.search.evaluator import Evaluator
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer
from tests.train import shop

SQL = shop.SQL.replace("orders o", "purchases o").replace("o.order_id", "o.product_id")
MANIFEST = {
    "tables": {
        "customers": {"pkey": ["customer_id"], "columns": {"age": "numerical"}},
        "products": {"pkey": ["product_id"], "columns": {"price": "numerical"}},
        "purchases": {
            "time_col": "at",
            "fkeys": {"customer_id": "customers", "product_id": "products"},
            "columns": {"content": "numerical"},
        },
        "letters": {
            "time_col": "at",
            "fkeys": {"customer_id": "customers"},
            "columns": {"length": "numerical"},
        },
    }
}


def market(num_customers: int = 60, num_days: int = 200) -> Database:
    """Contented customers purchase every few days, the others stop after a while."""
    random = np.random.default_rng(0)
    content = random.random(num_customers) < 0.5
    rows = [
        (customer, int(random.integers(8)), day, content[customer] + random.normal(0, 0.3))
        for day in range(num_days)
        for customer in range(num_customers)
        if random.random() < (0.1 if content[customer] else 0.02)
    ]
    purchases = pd.DataFrame(rows, columns=["customer_id", "product_id", "day", "content"])
    letters = pd.DataFrame({"customer_id": random.integers(0, num_customers, 300)})
    letters["length"], letters["day"] = random.normal(size=300), random.integers(0, num_days, 300)
    for frame in (purchases, letters):
        frame["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    customers = {"customer_id": range(num_customers), "age": random.integers(18, 80, num_customers)}
    return Database.open(
        {
            "customers": pd.DataFrame(customers),
            "products": pd.DataFrame({"product_id": range(8), "price": random.random(8)}),
            "purchases": purchases,
            "letters": letters,
        },
        manifest=MANIFEST,
        name="market",
    )


def returns() -> Task:
    return dataclasses.replace(shop.returns(), sql=SQL)


def experiment() -> Experiment:
    return Experiment(
        db=market(),
        task=returns(),
        model=functools.partial(
            RelationalModel, gnn=functools.partial(HeteroGraphSAGE, aggr="mean"), channels=8
        ),
        trainer=Trainer(),
        sampling=Sampling(num_neighbors=(4, 2), batch_size=200),
    )


def evaluator(**trainer: Any) -> Evaluator:
    return Evaluator(experiment(), functools.partial(Trainer, **{"lr": 0.01, **trainer}))
