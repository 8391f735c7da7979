"""A small shop in SQLite, and a student of it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import torch

from hgl.aggregates import feature
from hgl.aggregates.feature import Feature, Window
from hgl.aggregates.plan import FeaturePlan
from hgl.db import times
from hgl.db.database import Database
from hgl.export.calibration import Probabilities, Values
from hgl.export.manifest import Manifest, Source, TaskCard, TeacherCard
from hgl.export.scorer_module import ScorerModule
from hgl.export.used_schema import UsedSchema
from hgl.models.table_mlp import TableMLP

DAY = 86400
CUTOFF = times.instant("2024-06-01")
CUSTOMERS = 20
_TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, city TEXT, height REAL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), at TIMESTAMP, amount REAL
);
CREATE INDEX orders_customer ON orders(customer, at);
"""


def write(file: Path) -> str:
    """Write the database; returns its URL."""
    random = np.random.default_rng(0)
    cities = ["Oslo", "Bergen", None]
    customers = [(i, cities[i % 3], 150.0 + i if i % 4 else None) for i in range(1, CUSTOMERS + 1)]
    moments = [times.text(CUTOFF + int(d) * DAY) for d in random.integers(-100, 10, 200)]
    orders = [
        (i, int(random.integers(1, CUSTOMERS + 1)), f"{at} 00:00:00", float(random.random()))
        for i, at in enumerate(moments)
    ]
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(_TABLES)
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", customers)
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", orders)
    return f"sqlite:///{file}"


def plan(db: Database) -> FeaturePlan:
    """What a student reads: own columns, and orders."""
    (fkey,) = db.schema.table("orders").fkeys
    orders = feature.Source("orders", (fkey.name,))
    features = (
        Feature("value", column="height"),
        Feature("count", orders),
        Feature("mean", orders, column="amount", window=Window(rows=5)),
        Feature("days", orders, window=Window(rows=1)),
        Feature("value", column="city", categorical=True),
    )
    return FeaturePlan("customers", "strict", features, {features[-1].name: ("Oslo", "Bergen")})


def manifest(db: Database, columns: FeaturePlan) -> Manifest:
    """All of the student but its weights."""
    return Manifest(
        task=TaskCard("late", "binary", "customers", ("id",), "late", 30 * DAY, "auroc", ()),
        tier="row+agg",
        policy="rolling",
        cutoff=CUTOFF,
        max_staleness=365 * DAY,
        teacher=TeacherCard("shop-late", "abc", "hgl.models.rhgnn.RHGNN"),
        plan=columns,
        database=db.schema.name,
        data=db.fingerprint,
        used=UsedSchema.of(db.schema, columns),
        source=Source("postgresql://me:***@host/shop", None, db.schema.to_manifest(), {}),
        scores={"auroc": 0.75},
    )


def scorer(
    columns: FeaturePlan, calibration: Probabilities | Values, outputs: int = 1, extra: int = 0
) -> ScorerModule:
    """A network with random weights, its columns fitted to numbers of several sizes."""
    torch.manual_seed(0)
    network = TableMLP(
        numbers=len(columns.numerical),
        cardinalities=columns.cardinalities,
        out_channels=outputs,
        extra=extra,
    )
    numbers = np.random.default_rng(0).normal(size=(100, len(columns.numerical)))
    numbers[0] = np.nan
    long_tailed = np.array([f.function in ("count", "days") for f in columns.numerical])
    network.fit_columns(numbers * 10.0 ** np.arange(len(columns.numerical)), long_tailed)
    return ScorerModule(network, calibration)
