"""The figures the inference is held to, on real databases and on well-known schemas."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hgl.db.infer import infer_columns, infer_keys, infer_time

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    """The benchmark that prints these figures."""
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("inference")
    sys.path.remove(str(BENCHMARKS))


def test_declared_keys_are_inferred_again(benchmark: ModuleType, shared_data: Path) -> None:
    primary, foreign = _sums(benchmark, benchmark.GROUPS["declared"], shared_data)
    assert (primary.true, foreign.true) == (33, 37)
    for count in (primary, foreign):
        assert count.precision >= 0.95
        assert count.recall >= 0.95


def test_documented_keys_are_inferred(benchmark: ModuleType, shared_data: Path) -> None:
    for name in ("stack-exchange", "flights"):
        primary, foreign = _sums(benchmark, [name], shared_data)
        for count in (primary, foreign):
            assert count.precision >= 0.95
            assert count.recall >= 0.95


def test_names_alone_decide_well_known_schemas(benchmark: ModuleType, tmp_path: Path) -> None:
    """Dense serial numbers: every table's keys include every other's."""
    given = {name for group in benchmark.GROUPS.values() for name in group}
    primary, foreign = _sums(benchmark, sorted(benchmark.SOURCES.keys() - given), tmp_path)
    assert primary.precision >= 0.95
    assert foreign.precision >= 0.95
    assert foreign.recall >= 0.95
    assert primary.recall >= 0.9


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("chinook", {"Invoice": "InvoiceDate", "Employee": "HireDate"}),
        ("northwind", {"Orders": "OrderDate", "Employees": "HireDate"}),
        (
            "rel-f1",
            {
                "constructor_results": "date",
                "constructor_standings": "date",
                "qualifying": "date",
                "races": "date",
                "results": "date",
                "standings": "date",
            },
        ),
        (
            "stack-exchange",
            dict.fromkeys(["users", "posts", "comments", "votes", "postLinks"], "CreationDate")
            | {"badges": "Date"},
        ),
    ],
)
def test_times(benchmark: ModuleType, shared_data: Path, name: str, times: dict[str, str]) -> None:
    path, read = benchmark.SOURCES[name]
    database = read(shared_data / path)
    chosen = {t.name: infer_time(database.connection, t)[0] for t in database.tables.values()}
    assert {n: t.time_col for n, t in chosen.items() if t.time_col} == times


def test_columns_known_later_are_ignored(benchmark: ModuleType, shared_data: Path) -> None:
    path, read = benchmark.SOURCES["stack-exchange"]
    database = read(shared_data / path)
    posts = infer_time(database.connection, database.tables["posts"])[0]
    found = infer_columns(database.connection, posts)[0]
    for column in ("ClosedDate", "LastEditDate", "LastActivityDate"):
        assert found.column(column).stype == "ignored"
    assert found.column("Body").stype == "text"
    assert found.column("PostTypeId").stype == "categorical"
    assert found.column("Score").stype == "numerical"


def _sums(benchmark: ModuleType, names: list[str], data: Path) -> tuple:
    """Return the counts of primary and of foreign keys over the databases named."""
    primary, foreign = benchmark.Count(), benchmark.Count()
    for name in names:
        path, read = benchmark.SOURCES[name]
        database = read(data / path)
        keyed, _ = infer_keys(database.connection, database.tables)
        one, other, _ = benchmark.compare(database, keyed)
        primary, foreign = primary + one, foreign + other
    return primary, foreign
