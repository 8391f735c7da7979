"""A shop of any size, made up in chunks: customers, products and the orders that join them.

However large it is, a customer has 25 orders on average and a product 500, so that a row's
surroundings do not depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

ORDERS_PER_CUSTOMER, ORDERS_PER_PRODUCT = 25, 500
CHUNK = 1 << 20
START, SECONDS = 1_577_836_800, 2 * 365 * 86400
"""2020-01-01, and two years."""
VAL, TEST = "2021-08-01", "2021-10-01"
COUNTRIES = np.array(["AT", "BR", "CA", "DE", "FR", "IN", "JP", "US"])
CATEGORIES = np.array(["books", "garden", "kitchen", "music", "sport", "tools", "toys"])
CHANNELS = np.array(["app", "shop", "web"])
MANIFEST = {
    "name": "shop",
    "val_timestamp": VAL,
    "test_timestamp": TEST,
    "tables": {
        "customers": {"pkey": "customer_id", "time_col": "joined", "fkeys": {}},
        "products": {"pkey": "product_id", "time_col": None, "fkeys": {}},
        "orders": {
            "pkey": "order_id",
            "time_col": "at",
            "fkeys": {"customer_id": "customers", "product_id": "products"},
        },
    },
}
CHURN = {
    "name": "churn",
    "entity_table": "customers",
    "entity_col": "customer_id",
    "target_col": "churn",
    "kind": "binary",
    "timedelta": "30 days",
    "num_eval_timestamps": 1,
    "num_train_timestamps": 3,
    "sql": """
        SELECT t.timestamp, c.customer_id, COUNT(o.order_id) = 0 AS churn
        FROM timestamps t JOIN customers c ON c.joined <= t.timestamp
        LEFT JOIN orders o ON o.customer_id = c.customer_id
          AND o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
        GROUP BY ALL
    """,
}

Columns = Mapping[str, np.ndarray]


def write_shop(folder: Path, num_orders: int, seed: int = 0) -> None:
    """Write a RelBench 3 folder: `manifest.yaml` and `db/<table>.parquet`, rows in order of time.

    Every third customer is loyal: one order in three goes to any customer, the others to a loyal
    one; so who ordered before will order again.
    """
    (folder / "db").mkdir(parents=True)
    random = np.random.default_rng(seed)
    customers = max(3, num_orders // ORDERS_PER_CUSTOMER)
    products = max(1, num_orders // ORDERS_PER_PRODUCT)
    tables = {
        "customers": (_customer(r, i, customers) for r, i in _chunks(random, customers)),
        "products": (_product(r, i) for r, i in _chunks(random, products)),
        "orders": (
            _order(r, i, num_orders, customers, products) for r, i in _chunks(random, num_orders)
        ),
    }
    for name, chunks in tables.items():
        _write(folder / "db" / f"{name}.parquet", chunks)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(MANIFEST))


def _chunks(
    random: np.random.Generator, rows: int
) -> Iterator[tuple[np.random.Generator, np.ndarray]]:
    for first in range(0, rows, CHUNK):
        yield random, np.arange(first, min(first + CHUNK, rows))


def _customer(random: np.random.Generator, row: np.ndarray, rows: int) -> Columns:
    return {
        "customer_id": row,
        "joined": _joined(row, rows),
        "country": random.choice(COUNTRIES, len(row)),
    }


def _joined(row: np.ndarray, rows: int) -> np.ndarray:
    """Half are there from the start; the others come evenly over two years."""
    share = np.maximum(2 * row / rows - 1, 0)
    return (START + share * SECONDS).astype("datetime64[s]").astype("datetime64[us]")


def _product(random: np.random.Generator, row: np.ndarray) -> Columns:
    prices = random.lognormal(3, 1, len(row)).round(2)
    return {"product_id": row, "category": random.choice(CATEGORIES, len(row)), "price": prices}


def _order(
    random: np.random.Generator, row: np.ndarray, rows: int, customers: int, products: int
) -> Columns:
    share = (row + random.random(len(row))) / rows
    share.sort()
    known = (customers * (1 + share) / 2).astype(np.int64)  # those who have joined by then
    customer = (random.random(len(row)) * known).astype(np.int64)
    loyal = random.random(len(row)) < 2 / 3
    return {
        "order_id": row,
        "customer_id": np.where(loyal, customer - customer % 3, customer),
        "product_id": random.integers(0, products, len(row)),
        "at": (START + share * SECONDS).astype("datetime64[s]").astype("datetime64[us]"),
        "quantity": random.geometric(0.4, len(row)),
        "channel": random.choice(CHANNELS, len(row)),
    }


def _write(file: Path, chunks: Iterator[Columns]) -> None:
    first = pa.table(dict(next(chunks)))
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for chunk in chunks:
            writer.write_table(pa.table(dict(chunk)))
