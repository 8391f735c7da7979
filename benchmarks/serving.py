"""How fast a student answers: the model alone, then a service with its database under load.

python benchmarks/serving.py [--seconds 60] [--clients 16] [--overload 200]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import torch

from hgl.aggregates.feature import Feature, Source, Window
from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.export import manifest
from hgl.export.artefact import Artefact
from hgl.export.calibration import Probabilities
from hgl.export.limits import Limits
from hgl.export.onnx_file import export
from hgl.export.onnx_scorer import OnnxScorer
from hgl.export.scorer_module import ScorerModule
from hgl.export.service import run_service, service
from hgl.export.used_schema import UsedSchema
from hgl.models.table_mlp import TableMLP

CUSTOMERS, ORDERS = 20_000, 400_000
START = 1_700_000_000
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, city TEXT, height REAL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), at INTEGER, amount REAL,
    kind TEXT
);
CREATE INDEX orders_customer ON orders(customer, at);
"""


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--overload", type=int, default=200, help="clients of the overload run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model_alone(Path(folder))
        url, artefact, arranged = student(Path(folder))
        one_by_one(url, artefact, arranged)
        with served(url, artefact, arranged, Limits()) as address:
            load(f"{arguments.clients} clients", address, arguments.clients, arguments.seconds)
        with served(url, artefact, arranged, Limits(workers=2, queue=8)) as address:
            load(f"{arguments.overload} clients, 2 + 8 places", address, arguments.overload, 10)


def scorer(plan: FeaturePlan) -> ScorerModule:
    """A network of the usual size with random weights."""
    torch.manual_seed(0)
    network = TableMLP(
        numbers=len(plan.numerical), cardinalities=plan.cardinalities, out_channels=1
    )
    numbers = np.random.default_rng(0).lognormal(size=(1000, len(plan.numerical)))
    long_tailed = np.array([f.function in ("count", "days") for f in plan.numerical])
    network.fit_columns(numbers, long_tailed)
    return ScorerModule(network, Probabilities("binary", 1.3)).eval()


def model_alone(folder: Path) -> None:
    """Time ONNX Runtime and PyTorch on 64 numbers and 16 texts, one thread each."""
    orders = Source("orders", ("customer",))
    features = [Feature("count", orders, window=Window(seconds=i + 1)) for i in range(20)]
    features += [Feature("value", column=f"n{i}") for i in range(44)]
    features += [Feature("value", column=f"t{i}", categorical=True) for i in range(16)]
    vocabularies = {f.name: tuple(map(str, range(50))) for f in features if f.categorical}
    plan = FeaturePlan("customers", "strict", tuple(features), vocabularies)
    eager = scorer(plan)
    difference = export(eager, folder / "student.onnx", plan)
    exported = OnnxScorer(folder / "student.onnx")
    print(f"64 numbers, 16 texts, 2 x 128; ONNX against PyTorch: {difference:.1e} at most")
    for rows in (1, 256):
        compare(eager, exported, plan, rows)


def compare(eager: ScorerModule, exported: OnnxScorer, plan: FeaturePlan, rows: int) -> None:
    """Time one batch: the session, the session from a table, PyTorch."""
    random = np.random.default_rng(rows)
    numerical = random.lognormal(size=(rows, 64))
    numerical[random.random(numerical.shape) < 0.1] = np.nan
    table = FeatureTable(plan, numerical, random.integers(0, 52, (rows, 16)))
    inputs = {"numerical": numerical.astype(np.float32), "categorical": table.categorical}
    tensors = [torch.from_numpy(v) for v in inputs.values()]
    with torch.no_grad():
        report(f"batch {rows}, session alone", lambda: exported.run(**inputs), rows)
        report(f"batch {rows}, of a table", lambda: exported(table), rows)
        report(f"batch {rows}, PyTorch", lambda: eager(*tensors), rows)


def report(name: str, call: Callable[[], object], rows: int = 1) -> None:
    """Print the median, the least and the 99th percentile of the time of a call, per row."""
    times = []
    for _ in range(3000 if rows == 1 else 600):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6 / rows)
    p50, p99 = np.percentile(times[50:], [50, 99])
    print(f"{name:32} p50 {p50:8.1f} us a row   least {min(times):8.1f}   p99 {p99:8.1f}")


def student(folder: Path) -> tuple[str, Path, Path]:
    """Write a database and a student of it; returns its URL and two folders."""
    url, arranged = write(folder / "shop.db"), folder / "arranged"
    db = Database.open(url, out=arranged)
    (fkey,) = db.schema.table("orders").fkeys
    orders = Source("orders", (fkey.name,))
    windows = [Window(), Window(rows=5), Window(rows=20)]
    features = [Feature("value", column="height"), Feature("last", orders, column="amount")]
    features += [Feature("count", orders)]
    features += [Feature("mean", orders, column="amount", window=w) for w in windows]
    features += [Feature("days", orders, window=Window(rows=n)) for n in (1, 5, 20)]
    features += [
        Feature("share", orders, column="kind", value=v, window=w) for v in "abc" for w in windows
    ]
    features += [Feature("value", column="city", categorical=True)]
    plan = FeaturePlan(
        "customers", "strict", tuple(features), {features[-1].name: ("Oslo", "Bergen")}
    )
    about = manifest.Manifest(
        task=manifest.TaskCard("late", "binary", "customers", ("id",), "late", 86400, "auroc"),
        tier="row+agg",
        policy="rolling",
        cutoff=START,
        max_staleness=None,
        teacher=None,
        plan=plan,
        database=db.schema.name,
        data=db.fingerprint,
        used=UsedSchema.of(db.schema, plan),
        source=manifest.Source(url, None, db.schema.to_manifest(), {}),
    )
    artefact = Artefact.write(folder / "student", about, scorer(plan), "")
    print(f"database: {CUSTOMERS} customers, {ORDERS} orders; {len(features)} columns")
    return url, artefact.folder, arranged


def write(file: Path) -> str:
    """Write a shop of some size in SQLite."""
    random = np.random.default_rng(0)
    cities = random.choice(["Oslo", "Bergen", "Bodø"], CUSTOMERS).tolist()
    heights = random.normal(170, 10, CUSTOMERS).tolist()
    customers = zip(range(CUSTOMERS), cities, heights, strict=True)
    orders = zip(
        range(ORDERS),
        random.integers(0, CUSTOMERS, ORDERS).tolist(),
        (START + random.integers(-(10**8), 0, ORDERS)).tolist(),
        random.random(ORDERS).tolist(),
        random.choice(list("abcd"), ORDERS).tolist(),
        strict=True,
    )
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(TABLES)
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", customers)
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
    return f"sqlite:///{file}"


def one_by_one(url: str, folder: Path, arranged: Path) -> None:
    """Time the columns and the model together, without HTTP."""
    artefact = Artefact.read(folder)
    live = LiveFeatures.open(url, Database.open(arranged).schema, artefact.manifest.plan)
    keys = iter(np.random.default_rng(0).integers(0, CUSTOMERS, 10_000).tolist())
    report(
        "SQL and model, one row", lambda: artefact.scorer(live.fetch([{"id": next(keys)}], [START]))
    )
    live.close()


@contextlib.contextmanager
def served(url: str, folder: Path, arranged: Path, limits: Limits) -> Iterator[str]:
    """Serve in a process of its own; yields the address."""
    mine, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(url, folder, arranged, limits, its)
    )
    process.start()
    its.close()  # so that a process that dies is an error here, not silence
    yield mine.recv()
    process.terminate()
    process.join()


def serve(url: str, folder: Path, arranged: Path, limits: Limits, pipe: Connection) -> None:
    """What that process does."""
    artefact = Artefact.read(folder)
    live = LiveFeatures.open(url, Database.open(arranged).schema, artefact.manifest.plan)
    run_service(service(artefact, live, limits=limits), port=0, started=pipe.send)


def load(name: str, address: str, clients: int, seconds: float) -> None:
    """Ask from many threads, each one row after another, and print what became of it."""
    answers: list[tuple[int | str, float]] = []
    end = time.monotonic() + seconds
    asking = [
        threading.Thread(target=ask, args=(address, seed, end, answers)) for seed in range(clients)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    times = np.array([t for status, t in answers if status == 200]) * 1e3
    p50, p99 = np.percentile(times, [50, 99])
    slowest = max(t for _, t in answers) * 1e3
    print(
        f"{name}, {seconds:g} s: {dict(Counter(s for s, _ in answers))}; "
        f"{len(times) / seconds:.0f} predictions/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms; "
        f"slowest answer of any kind {slowest:.0f} ms"
    )


def ask(address: str, seed: int, end: float, answers: list[tuple[int | str, float]]) -> None:
    """One client: keeps its connection, and counts what is no answer by the error's name."""
    random, place = np.random.default_rng(seed), urlsplit(address).netloc
    connection = http.client.HTTPConnection(place, timeout=30)
    while time.monotonic() < end:
        row = {"id": int(random.integers(CUSTOMERS)), "time": "2023-11-15"}
        start = time.perf_counter()
        try:
            connection.request("POST", "/predict", json.dumps({"rows": [row]}))
            answer = connection.getresponse()
            answer.read()
            status: int | str = answer.status
        except OSError as error:
            status = type(error).__name__
            connection.close()
        answers.append((status, time.perf_counter() - start))
    connection.close()


if __name__ == "__main__":
    main()
