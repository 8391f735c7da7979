"""SQLite promises nothing about the values in a column: what fits stays, the rest is counted."""

from __future__ import annotations

import contextlib
import datetime
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hgl.db.database import Database
from hgl.db.sql import reflect
from hgl.errors import SchemaError

MANIFEST = {"tables": {"t": {"pkey": [], "fkeys": {}, "time_col": None}}}
START = datetime.datetime(2020, 1, 1)
MIXED = [
    # declared type, values, what must come out, how many values are lost
    ("INTEGER", [1, "two", b"3", None, 4.0], [1, None, None, None, 4], 2),
    ("INTEGER", [1, 2.5, None, 3, 4], [1.0, 2.5, None, 3.0, 4.0], 0),
    ("INTEGER", [2**62 + 1, None, 0, -(2**63), 5], [2**62 + 1, None, 0, -(2**63), 5], 0),
    ("REAL", [0.5, "x", 2, b"", 1e300], [0.5, None, 2.0, None, 1e300], 2),
    ("NUMERIC", [5, 5.5, "n/a", None, 1], [5.0, 5.5, None, None, 1.0], 1),
    ("UUID", ["a-1", "b-2", 7, None, "c"], ["a-1", "b-2", "7", None, "c"], 0),
    ("BOOLEAN", [1, 0, "true", "F", "maybe"], [True, False, True, False, None], 1),
    ("TEXT", ["a", b"\xff", "\\N", "", None], ["a", None, "\\N", "", None], 1),
    ("VARCHAR(3)", ["long text", 12, 1.5, "ü", None], ["long text", "12", "1.5", "ü", None], 0),
    (
        "DATETIME",
        ["2020-01-01", "2020-01-01T05:30:00+05:30", 1577836800, "soon", None],
        [START, START, START, None, None],
        1,
    ),
    (
        "TIMESTAMP",
        ["2020-01-01 00:00:00", "2020-01-01 00:00:00.000", 1577836800000, "", b"x"],
        [START, START, START, None, None],
        2,
    ),
    ("DATE", ["2020-01-01", "2020-01-01 00:00", "x", None, "0001-01-01"],
     [START.date(), START.date(), None, None, datetime.date(1, 1, 1)], 1),
    ("JSON", ['{"a": 1}', "[1]", 5, None, "x"], ['{"a": 1}', "[1]", "5", None, "x"], 0),
    ("", [1, 2, None, 3, 4], [1, 2, None, 3, 4], 0),
    ("", [1, "x", None, 2.5, 4], ["1", "x", None, "2.5", "4"], 0),
]  # fmt: skip


def write(url: str, sql: str, rows: Sequence[Sequence[Any]] = ()) -> None:
    """Run `sql`, once per row where there are rows."""
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        if rows:
            connection.executemany(sql, rows)
        else:
            connection.executescript(sql)
        connection.commit()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of an SQLite file."""
    return f"sqlite:///{tmp_path / 'some.sqlite'}"


@pytest.fixture
def mixed(url: str) -> str:
    """URL of a table with one column per mixture."""
    columns = ", ".join(f"c{i} {kind}" for i, (kind, *_) in enumerate(MIXED))
    write(url, f"CREATE TABLE t ({columns})")
    rows = list(zip(*(values for _, values, _, _ in MIXED)))
    write(url, f"INSERT INTO t VALUES ({', '.join('?' * len(MIXED))})", rows)
    return url


def test_mixed_columns_keep_what_fits(mixed: str) -> None:
    db = Database.open(mixed, manifest=MANIFEST)
    table = pq.read_table(db.path("t"))
    for i, (kind, values, expected, lost) in enumerate(MIXED):
        assert table[f"c{i}"].to_pylist() == expected, (kind, values)
        assert db.schema.defects.get(f"t.c{i}: does not fit its type", 0) == lost, (kind, values)


def test_without_adbc_the_same_comes_out(mixed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite", None)
    test_mixed_columns_keep_what_fits(mixed)


def test_a_misfit_late_in_a_long_table_is_found(url: str) -> None:
    write(url, "CREATE TABLE t (n INTEGER, x TEXT)")
    rows = [(None, None)] * 70_000 + [(1, "a"), ("word", "b"), (2.5, "c")]
    write(url, "INSERT INTO t VALUES (?, ?)", rows)
    db = Database.open(url, manifest=MANIFEST)
    tail = pq.read_table(db.path("t")).slice(70_000)
    assert tail["n"].to_pylist() == [1.0, None, 2.5]
    assert tail["x"].to_pylist() == ["a", "b", "c"]
    assert db.schema.defects == {"t.n: does not fit its type": 1}


def test_names_that_differ_only_in_case_stay_apart(url: str, tmp_path: Path) -> None:
    write(url, "CREATE TABLE P (Id INTEGER PRIMARY KEY); INSERT INTO P VALUES (4);")
    write(url, "CREATE TABLE c (x INTEGER REFERENCES p (ID)); INSERT INTO c VALUES (4);")
    schema = reflect(url)
    assert schema.table("c").fkeys[0].parent == "P"
    assert schema.table("c").fkeys[0].parent_columns == ("Id",)
    assert list(Database.open(url).frame("c")["x_row"]) == [0]


def test_a_foreign_key_without_columns_means_the_primary_key(url: str) -> None:
    write(url, "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (4);")
    write(url, "CREATE TABLE c (x INTEGER REFERENCES p); INSERT INTO c VALUES (4), (5), (NULL);")
    db = Database.open(url)
    assert db.frame("c")["x_row"].fillna(-1).tolist() == [0, -1, -1]
    assert db.schema.defects == {"c.x: dangling": 1, "c.x: null": 1}


def test_a_table_that_was_dropped_is_no_parent(url: str) -> None:
    write(url, "CREATE TABLE c (id INTEGER PRIMARY KEY, x INTEGER REFERENCES gone (id))")
    assert reflect(url).table("c").fkeys == ()


def test_unfinished_transactions_are_not_seen_and_nothing_is_locked(url: str) -> None:
    write(url, "PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY)")
    writer = sqlite3.connect(url.removeprefix("sqlite:///"))
    with contextlib.closing(writer):
        writer.execute("INSERT INTO t VALUES (1)")
        writer.commit()
        writer.execute("INSERT INTO t VALUES (2)")
        assert list(Database.open(url).frame("t")["id"]) == [1]
        writer.commit()
    assert list(Database.open(url).frame("t")["id"]) == [1, 2]


def test_a_table_of_blobs_alone_is_named(url: str) -> None:
    write(url, "CREATE TABLE pictures (x BLOB)")
    write(url, "CREATE TABLE other (id INTEGER PRIMARY KEY)")
    with pytest.raises(SchemaError, match="'pictures' has no readable column; leave it out by exc"):
        Database.open(url)
    assert "pictures" not in Database.open(url, exclude=["pictures"]).schema.tables


def test_the_file_is_never_written(url: str) -> None:
    write(url, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    file = Path(url.removeprefix("sqlite:///"))
    before, found = file.read_bytes(), os.listdir(file.parent)
    Database.open(url)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == found


@pytest.mark.parametrize("name", ["a b#c%20.sqlite", "ünï.db"])
def test_awkward_file_names(name: str, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    url = f"sqlite:///{tmp_path / name}".replace("%", "%25").replace("?", "%3F")
    assert list(Database.open(url).schema.tables) == ["t"]
