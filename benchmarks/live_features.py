"""p50 and p99 of fetching one seed's columns, from SQLite, PostgreSQL and a snapshot.

    python benchmarks/live_features.py --data ../shared/data/rel-f1 --seeds 2000

rel-f1 is loaded into a new SQLite file and a new PostgreSQL database (dropped afterwards), the
flights are copied from their own SQLite file. Plans: the features that `plan_features` lists first
(`--features`), spread over all it lists. Indexes: primary keys and, in "indexed", every foreign key
with the table's time. A fetch is `LiveFeatures.fetch` of one key at one time, numbers and codes
included, in this process; beside it the processor's own seconds of this process, which a busy
machine stretches less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg

from hgl import datasets
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.live.times import own_time
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.db.duck import identifier
from hgl.features.encode import measure_tables
from hgl.tasks.task import Task

TYPES = {"int64": "INTEGER", "double": "DOUBLE PRECISION", "bool": "BOOLEAN"}
REFERENCES = re.compile(r"REFERENCES \S+ \([^)]*\)|,\s*FOREIGN KEY \([^)]*\)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--postgresql", default="postgresql://postgres@127.0.0.1/postgres")
    parser.add_argument("--databases", nargs="+", default=["rel-f1", "flights"])
    parser.add_argument("--features", nargs="+", type=int, default=[40, 128])
    parser.add_argument("--seeds", type=int, default=2000)
    args = parser.parse_args()
    print(
        "| database | features | place | indexes | p50 ms | p99 ms | process p50 ms |\n" + "|-" * 7
    )
    for name in args.databases:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "copy.sqlite"
            if name == "rel-f1":
                write(Database.open(args.data), file)
                db, task = (
                    Database.open(f"sqlite:///{file}"),
                    Task.load(args.data / "tasks" / "driver-dnf"),
                )
            else:
                db, task = datasets.open(name), Task.load(datasets.find(name).TASK)
                shutil.copy(datasets.find(name).source().removeprefix("sqlite:///"), file)
            measure(args, name, db, task, file)


def measure(args: argparse.Namespace, name: str, db: Database, task: Task, file: Path) -> None:
    train = task.seeds(db, "train")
    statistics = measure_tables(db, stats_until=train.stats_until, hidden=task.remove_columns)
    every = plan_features(db, statistics, train)
    random = np.random.default_rng(0)
    rows = random.choice(len(train), args.seeds)
    table = db.schema.table(task.entity_table)
    keys = db.frame(table.name, list(table.pkey)).iloc[train.entity[rows]].to_dict("records")
    seeds = list(zip(keys, train.time[rows].tolist()))
    with copied(file, args.postgresql) as url:
        for indexed in (False, True):
            if indexed:
                index(db, file, url)
            for count in args.features:
                chosen = random.choice(len(every.features), min(count, len(every.features)), False)
                plan = every.keep([every.features[i].name for i in chosen])
                shown = seeds if indexed else seeds[: len(seeds) // 50]
                for place, opened in places(db, plan, file, url, indexed).items():
                    row = (name, len(plan.features), place, "foreign keys" if indexed else "keys")
                    print("|", *(f"{cell} |" for cell in (*row, *timed(opened, shown))), flush=True)
                    opened.close()


def places(
    db: Database, plan: FeaturePlan, file: Path, url: str, indexed: bool
) -> dict[str, LiveFeatures]:
    found = {
        "SQLite": LiveFeatures.open(f"sqlite:///{file}", db.schema, plan, timeout=60),
        "PostgreSQL": LiveFeatures.open(url, db.schema, plan, timeout=60),
    }
    return {**found, "snapshot": LiveFeatures.of(db, plan)} if indexed else found


def timed(live: LiveFeatures, seeds: list) -> tuple[str, ...]:
    """Percentiles of wall time, and of this process's own."""
    took = []
    for key, instant in seeds:
        start, own = time.perf_counter(), time.process_time()
        live.fetch([key], [instant])
        took.append((time.perf_counter() - start, time.process_time() - own))
    wall, own = 1000 * np.array(took).T
    return tuple(f"{v:.2f}" for v in (*np.percentile(wall, [50, 99]), np.median(own)))


def write(db: Database, file: Path) -> None:
    """Write an arranged database to SQLite, keys declared."""
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        for table in db.schema.tables.values():
            parents = {f.row_col: f for f in table.fkeys}
            columns = []
            for c in table.columns:
                kind = "TIMESTAMP" if c.type.startswith("timestamp") else TYPES.get(c.type, "TEXT")
                ends = " PRIMARY KEY" if c.name == table.row_col else ""
                if c.name in parents:
                    parent = parents[c.name]
                    ends = f" REFERENCES {parent.parent} ({parent.parent_columns[0]})"
                columns.append(f"{identifier(c.name)} {kind}{ends}")
            connection.execute(f"CREATE TABLE {identifier(table.name)} ({', '.join(columns)})")
            frame = db.frame(table.name)
            for c in frame.select_dtypes("datetime"):
                frame[c] = frame[c].dt.strftime("%Y-%m-%d %H:%M:%S")
            cells = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
            marks = ", ".join("?" * len(frame.columns))
            connection.executemany(f"INSERT INTO {identifier(table.name)} VALUES ({marks})", cells)


@contextlib.contextmanager
def copied(file: Path, server: str) -> Iterator[str]:
    """Yield the URL of a PostgreSQL copy of an SQLite file, dropped afterwards."""
    name = f"hgl_bench_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = f"{server.rsplit('/', 1)[0]}/{name}"
        try:
            with (
                psycopg.connect(url) as target,
                contextlib.closing(sqlite3.connect(file)) as source,
            ):
                fill(source, target)
            yield url
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(source: sqlite3.Connection, target: psycopg.Connection) -> None:
    tables = source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for name, sql in tables:
        target.execute(REFERENCES.sub("", sql))  # some keys dangle
        quoted = identifier(name)
        with target.cursor().copy(f"COPY {quoted} FROM STDIN") as copy:
            for row in source.execute(f"SELECT * FROM {quoted}"):
                copy.write_row(row)


def index(db: Database, file: Path, url: str) -> None:
    """Index every foreign key with its table's time, on both servers."""
    made = []
    for table in db.schema.tables.values():
        for number, fkey in enumerate(table.fkeys):
            time_col = own_time(table)
            columns = (*fkey.columns, *((time_col,) if time_col else ()))
            names = ", ".join(map(identifier, columns))
            title = identifier(f"ix_{table.name}_{number}")
            made.append(f"CREATE INDEX {title} ON {identifier(table.name)} ({names})")
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript("; ".join([*made, "ANALYZE"]))
    with psycopg.connect(url, autocommit=True) as connection:
        for sql in (*made, "VACUUM ANALYZE"):
            connection.execute(sql)


if __name__ == "__main__":
    main()
