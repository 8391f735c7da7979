"""Seconds and peak memory from a URL to an arranged database, beside pandas.read_sql.

python benchmarks/ingest.py [--rows N ...] [--repeat N] [--postgresql URL | --no-postgresql]

One table of nine mixed columns. Each figure is the best of `--repeat` fresh processes: the whole of
`Database.open(url)` (reflection, reading, inference, arranging), imports aside in the seconds but
not in the memory. pandas only reads the rows. Memory must follow the batch, not the table.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg

COLUMNS = {
    "id": "bigint PRIMARY KEY",
    "quantity": "integer",
    "weight": "double precision",
    "price": "numeric(10, 2)",
    "note": "text",
    "paid": "boolean",
    "sold_at": "timestamp",
    "referrer": "bigint",
    "kind": "varchar(20)",
}
KINDS = ("alpha", "beta", "gamma", "delta", "epsilon")
START = datetime.datetime(2018, 1, 1)
YEARS = 5 * 365 * 86400
READERS = {
    "hgl": """
import hgl.db.adbc, hgl.db.sql, adbc_driver_sqlite.dbapi, adbc_driver_postgresql.dbapi, psycopg
from hgl.db.database import Database
def read(url, folder):
    Database.open(url, out=folder + "/out")
""",
    "pandas.read_sql": """
import pandas, psycopg, sqlalchemy
def read(url, folder):
    url = url.replace("postgresql://", "postgresql+psycopg://")
    pandas.read_sql("SELECT * FROM sales", sqlalchemy.create_engine(url))
""",
}
MEASURE = """
import json, resource, sys, time
start = time.perf_counter()
read(*sys.argv[1:])
seconds = time.perf_counter() - start
scale = 1 if sys.platform == "darwin" else 1024
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e9]))
"""


def rows(count: int) -> Iterator[tuple[object, ...]]:
    """Yield seeded rows; a third of the referrers is null."""
    random = np.random.default_rng(0)
    number = random.integers(0, 10**6, (count, 4)).tolist()
    weight = random.normal(size=count).tolist()
    second = random.integers(0, YEARS, count).tolist()
    for i, (a, b, c, d) in enumerate(number):
        moment = str(START + datetime.timedelta(seconds=second[i]))
        referrer = None if a % 3 == 0 else c
        note = f"{KINDS[c % 5]} {KINDS[d % 5]} {a} {b}"
        yield i, a % 1000, weight[i], b / 100, note, bool(c % 2), moment, referrer, KINDS[a % 5]


def write_sqlite(file: Path, count: int) -> str:
    """Write the table to an SQLite file; return its URL."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE TABLE sales ({columns})")
        places = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO sales VALUES ({places})", rows(count))
        connection.commit()
    return f"sqlite:///{file}"


@contextlib.contextmanager
def postgresql(admin: str, count: int) -> Iterator[str]:
    """Write the table to a scratch PostgreSQL database; yield its URL."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    name = "hgl_benchmark_ingest"
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        server.execute(f"CREATE DATABASE {name}".encode())
        url = f"{admin.rpartition('/')[0]}/{name}"
        try:
            with psycopg.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE TABLE sales ({columns})".encode())
                with cursor.copy("COPY sales FROM STDIN") as copy:
                    for row in rows(count):
                        copy.write_row(row)
            yield url
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def measure(reader: str, url: str, repeat: int) -> tuple[float, float]:
    """Return the least seconds and the least peak gigabytes of `repeat` fresh processes."""
    found = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", READERS[reader] + MEASURE, url, folder]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(json.loads(said.splitlines()[-1]))
    return min(s for s, _ in found), min(m for _, m in found)


def report(server: str, url: str, count: int, repeat: int) -> None:
    """Print one line per reader."""
    for reader in READERS:
        seconds, memory = measure(reader, url, repeat)
        figures = f"{seconds:8.2f} s {memory:8.2f} GB"
        print(f"{server:<12} {count:>10,} {reader:<16} {figures}", flush=True)


def main() -> None:
    """Measure every size on every server."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--postgresql", default="postgresql://postgres@127.0.0.1:5432/postgres")
    parser.add_argument("--no-postgresql", action="store_const", dest="postgresql", const="")
    asked = parser.parse_args()
    for count in asked.rows:
        with tempfile.TemporaryDirectory() as folder:
            report(
                "SQLite", write_sqlite(Path(folder) / "sales.sqlite", count), count, asked.repeat
            )
        if asked.postgresql:
            with postgresql(asked.postgresql, count) as url:
                report("PostgreSQL", url, count, asked.repeat)


if __name__ == "__main__":
    main()
