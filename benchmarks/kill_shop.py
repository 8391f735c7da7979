"""A small shop in SQLite, and a question about it, for runs that take a second."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import yaml

CUSTOMERS, PRODUCTS, ORDERS = 120, 30, 4000
TASK = {
    "name": "returns",
    "entity_table": "customers",
    "entity_col": "customer_id",
    "target_col": "returns",
    "kind": "binary",
    "timedelta": "10 days",
    "num_eval_timestamps": 1,
    "num_train_timestamps": 4,
    "val_timestamp": "2024-04-20",
    "test_timestamp": "2024-05-10",
    "sql": """
        SELECT t.timestamp, c.customer_id, COUNT(o.order_id) > 2 AS returns
        FROM timestamps t CROSS JOIN customers c
        LEFT JOIN orders o ON o.customer_id = c.customer_id
          AND o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
        GROUP BY ALL
    """,
}
_TABLES = """
CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, city TEXT);
CREATE TABLE products (product_id INTEGER PRIMARY KEY, kind TEXT);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers,
  product_id INTEGER REFERENCES products, at TIMESTAMP, price REAL);
"""


def write_shop(folder: Path, seed: int = 0) -> list[str]:
    """Write database and task; return them as words of a command."""
    rng = np.random.default_rng(seed)
    loyal = rng.dirichlet(np.full(CUSTOMERS, 0.5))
    columns = {
        "customer_id": rng.choice(CUSTOMERS, ORDERS, p=loyal).tolist(),
        "product_id": rng.integers(PRODUCTS, size=ORDERS).tolist(),
        "at": [
            (datetime(2024, 1, 1) + timedelta(days=day)).isoformat(" ")
            for day in np.sort(rng.uniform(0, 150, ORDERS)).tolist()
        ],
        "price": rng.uniform(1, 9, ORDERS).tolist(),
    }
    with closing(sqlite3.connect(folder / "shop.sqlite")) as file, file:
        file.executescript(_TABLES)
        for name, count in (("customers", CUSTOMERS), ("products", PRODUCTS)):
            rows = [(i, f"word {i % 5}") for i in range(count)]
            file.executemany(f"INSERT INTO {name} VALUES (?, ?)", rows)
        orders = zip(range(ORDERS), *columns.values(), strict=True)
        file.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
    (folder / "task.yaml").write_text(yaml.safe_dump(TASK))
    return [f"db=sqlite:///{folder / 'shop.sqlite'}", f"task={folder / 'task.yaml'}"]
