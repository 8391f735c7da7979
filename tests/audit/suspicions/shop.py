"""A shop without a trap: customers, their orders at odd seconds, and a question that is honest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hgl.audit.case import Case, Check
from hgl.db.database import Database
from hgl.results.finding import Finding
from hgl.tasks.task import Task

START = pd.Timestamp("2023-01-01")
VAL, TEST = "2023-05-01", "2023-06-10"
CUSTOMERS, DAYS = 400, 200
MANIFEST: dict[str, Any] = {
    "tables": {
        "customers": {"pkey": ["customer_id"], "time_col": "joined"},
        "orders": {
            "pkey": ["order_id"],
            "time_col": "at",
            "fkeys": {"customer_id": "customers"},
            "columns": {"amount": "numerical", "pieces": "numerical"},
        },
    }
}
SQL = """
WITH asked AS (
  SELECT DISTINCT t.timestamp, o.customer_id
  FROM timestamps t
  JOIN orders o ON o.at > t.timestamp - INTERVAL '60 days' AND o.at <= t.timestamp
)
SELECT a.timestamp, a.customer_id, COUNT(o.order_id) > 0 AS buys
FROM asked a
LEFT JOIN orders o ON o.customer_id = a.customer_id
  AND o.at > a.timestamp AND o.at <= a.timestamp + INTERVAL '{timedelta}'
GROUP BY a.timestamp, a.customer_id
"""

Tables = dict[str, pd.DataFrame]


def tables() -> Tables:
    """Every customer joins within the first days and buys every few weeks, by chance."""
    random = np.random.default_rng(0)
    joined = random.integers(0, 5 * 86400, CUSTOMERS)
    bought = random.random((CUSTOMERS, DAYS)) < 0.05
    who, day = np.nonzero(bought)
    second = np.maximum(day * 86400 + random.integers(1, 86399, len(day)), joined[who] + 1)
    order = np.argsort(second, kind="stable")
    customers = pd.DataFrame(
        {
            "customer_id": np.arange(CUSTOMERS),
            "joined": seconds(joined),
            "age": random.integers(18, 80, CUSTOMERS),
        }
    )
    orders = pd.DataFrame(
        {
            "order_id": np.arange(len(order)),
            "customer_id": who[order],
            "at": seconds(second[order]),
            "amount": random.lognormal(3, 0.5, len(order)),
            "pieces": random.integers(1, 9, len(order)),
        }
    )
    return {"customers": customers, "orders": orders}


def seconds(since_start: np.ndarray) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(since_start, unit="s")).astype("datetime64[us]")


def buys(**changes: Any) -> Task:
    """Will a customer who bought in the last 60 days buy in the next ten?"""
    stated = {
        "name": "buys",
        "entity_table": "customers",
        "entity_col": ("customer_id",),
        "target_col": "buys",
        "kind": "binary",
        "timedelta": 10 * 86400,
        "sql": SQL,
    }
    return Task(**{**stated, **changes})


def opened(content: Tables, manifest: dict[str, Any] | None = None, **options: Any) -> Database:
    """The tables as a database; `manifest` adds tables, or replaces what is said of one."""
    stated = {"tables": {**MANIFEST["tables"], **(manifest or {})}}
    split = {"val_timestamp": VAL, "test_timestamp": TEST}
    return Database.open(content, name="shop", manifest=stated, **split, **options)


def case(db: Database, task: Task | None = None, **regime: Any) -> Case:
    return Case(db, task or buys(), regime.get("policy", "frozen"), regime.get("cut", "inclusive"))


def found(check: Check, of: Case) -> list[Finding]:
    return list(check(of))
