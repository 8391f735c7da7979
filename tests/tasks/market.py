"""A market whose customers come back for what they bought before, whatever sells best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.tasks.task import Task

DAY = 86400
START = pd.Timestamp("2024-01-01")
MANIFEST = {
    "tables": {
        "customers": {"pkey": ["customer_id"], "columns": {"age": "numerical"}},
        "products": {"pkey": ["product"], "columns": {"price": "numerical"}},
        "orders": {
            "pkey": ["order_id"],
            "time_col": "at",
            "fkeys": {"customer_id": "customers", "product": "products"},
            "columns": {"amount": "numerical"},
        },
    }
}
SQL = """
SELECT DISTINCT t.timestamp, o.customer_id, o.product
FROM timestamps t
JOIN orders o ON o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
"""
LISTS = (
    SQL.replace("SELECT DISTINCT", "SELECT").replace(
        "o.product\n", "list(DISTINCT o.product) AS product\n"
    )
    + "GROUP BY ALL"
)


def orders(num_customers: int = 60, num_products: int = 30, num_days: int = 200) -> pd.DataFrame:
    """Each customer has two favourites, and buys one of them every few days."""
    random = np.random.default_rng(0)
    favourites = random.integers(0, num_products, (num_customers, 2))
    rows = [
        (customer, f"p{favourites[customer, random.integers(2)]:02d}", day)
        for day in range(num_days)
        for customer in range(num_customers)
        if random.random() < 0.15
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "product", "day"])
    frame.insert(0, "order_id", range(len(frame)))
    frame["amount"] = random.random(len(frame))
    frame["at"] = START + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def market(bought: pd.DataFrame | None = None, **options: Any) -> Database:
    bought = orders() if bought is None else bought
    random = np.random.default_rng(1)
    customers = pd.DataFrame({"customer_id": range(60), "age": random.integers(18, 80, 60)})
    products = pd.DataFrame({"product": [f"p{i:02d}" for i in range(30)], "price": range(30)})
    tables = {"customers": customers, "products": products, "orders": bought}
    return Database.open(tables, manifest=MANIFEST, **options)


def fields(**changes: Any) -> dict[str, Any]:
    """The YAML of a task: what will each customer buy over the next ten days?"""
    stated = {
        "name": "buys",
        "kind": "recommendation",
        "src_entity_table": "customers",
        "src_entity_col": "customer_id",
        "dst_entity_table": "products",
        "dst_entity_col": "product",
        "eval_k": 3,
        "timedelta": "10 days",
        "val_timestamp": "2024-04-20",
        "test_timestamp": "2024-05-20",
        "sql": SQL,
    }
    return {**stated, **changes}


def buys(**changes: Any) -> Task:
    return Task.from_mapping(fields(**changes), "task 'buys'")
