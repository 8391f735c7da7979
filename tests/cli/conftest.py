"""A small database, and a run on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from hgl.cli import main
from tests.cli.shop import SMALL, TASK, source


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of 40 customers and 600 orders, and a task."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(0)
    start = datetime(2020, 1, 1)
    customers = random.integers(0, 40, 600) // random.integers(1, 4, 600)
    instants = [start + timedelta(days=day) for day in random.uniform(0, 150, 600).tolist()]
    orders = [
        (i, int(customer), at.isoformat(" "), price)
        for i, (customer, at, price) in enumerate(
            zip(customers, instants, random.uniform(1, 9, 600).tolist())
        )
    ]
    cities = [(i, f"city {i % 3}") for i in range(40)]
    with closing(sqlite3.connect(folder / "shop.sqlite")) as connection, connection:
        connection.executescript(
            "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, city TEXT);"
            'CREATE TABLE "order" (order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES '
            "customer, at TIMESTAMP, price REAL);"
        )
        connection.executemany("INSERT INTO customer VALUES (?, ?)", cities)
        connection.executemany('INSERT INTO "order" VALUES (?, ?, ?, ?)', orders)
    (folder / "task.yaml").write_text(TASK)
    return folder


@pytest.fixture(scope="package")
def run(shop: Path) -> Path:
    """The folder of a small run."""
    assert main(["train", *source(shop), *SMALL, f"out={shop / 'run'}"]) == 0
    return shop / "run"


@pytest.fixture(scope="package")
def _two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Ray cluster, whose workers cache where tests do."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'hgl-rdl[ray]'")
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HGL_CACHE", str(tmp_path_factory.getbasetemp() / "hgl-cache"))
        patch.delenv("RAY_ADDRESS", raising=False)
        for attempts_left in (2, 1, 0):
            try:
                ray.init(
                    address="local",
                    num_cpus=2,
                    include_dashboard=False,
                    logging_level="error",
                    log_to_driver=False,
                )
                break
            except Exception:  # on a busy machine its own 30 seconds may not do
                ray.shutdown()
                if not attempts_left:
                    raise
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
