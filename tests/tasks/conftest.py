"""A shop small enough to label by hand: two old customers, a new one, and one after the test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pandas as pd
import pytest

from hgl.db.database import Database
from hgl.tasks.task import Task

SQL = """
SELECT t.timestamp, u.user_id, COUNT(p.purchase_id) > 0 AS buys
FROM timestamps t
CROSS JOIN users u
LEFT JOIN purchases p
  ON p.user_id = u.user_id
  AND p.at > t.timestamp AND p.at <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY t.timestamp, u.user_id
"""
USERS = [
    ("ann", "2020-01-01", 30),
    ("bob", "2020-01-01", 40),
    ("cat", "2020-03-20", 50),
    ("dan", "2020-03-25", 60),
]
PURCHASES = [
    (1, "ann", "2020-01-05", 10.0),
    (2, "bob", "2020-01-11", 20.0),  # at a seed time: belongs to the window that ends there
    (3, "ann", "2020-01-25", 30.0),
    (4, "bob", "2020-02-24", 40.0),
    (5, "ann", "2020-03-05", 50.0),
    (6, "ann", "2020-03-21", 60.0),  # at the test timestamp
    (7, "cat", "2020-03-28", 70.0),
    (8, "dan", "2020-04-03", 80.0),
    (9, "bob", "2020-04-15", 90.0),
]
MANIFEST = {
    "tables": {
        "users": {"pkey": ["user_id"], "time_col": "joined"},
        "purchases": {
            "pkey": ["purchase_id"],
            "time_col": "at",
            "fkeys": {"user_id": "users"},
        },
    }
}


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Database:
    users = pd.DataFrame(USERS, columns=["user_id", "joined", "age"])
    purchases = pd.DataFrame(PURCHASES, columns=["purchase_id", "user_id", "at", "amount"])
    users["joined"] = pd.to_datetime(users["joined"])
    purchases["at"] = pd.to_datetime(purchases["at"])
    return Database.open(
        {"users": users, "purchases": purchases},
        name="shop",
        manifest=MANIFEST,
        val_timestamp="2020-03-01",
        test_timestamp="2020-03-21",
        out=tmp_path_factory.mktemp("shop") / "arranged",
    )


@pytest.fixture
def buys() -> Task:
    return Task(
        name="buys",
        entity_table="users",
        entity_col=("user_id",),
        target_col="buys",
        kind="binary",
        timedelta=10 * 86400,
        num_eval_timestamps=5,
        sql=SQL,
    )


@pytest.fixture
def variant(buys: Task) -> Callable[..., Task]:
    """The task `buys` with some fields changed."""

    def change(**fields: object) -> Task:
        return dataclasses.replace(buys, **fields)

    return change
