"""What goes wrong while ingesting leaves either nothing or something that can be gone on with."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.db.database import Database
from hgl.errors import MissingExtra, SchemaError, SourceError
from tests.db.conftest import engine, scratch

SECRET = "s3cr%t@:/ü"
SHOWN = "s3cr%25t%40%3A%2F%C3%BC"

BLOCKED = """
import sys, time
from hgl.db.database import Database
from hgl.db.progress import NoProgress

class Blocked:
    def start(self, table, total):
        if table == "b":
            print("at b", flush=True)
            time.sleep(600)
    def advance(self, table, rows): pass
    def finish(self, table): pass

Database.open(sys.argv[1], out=sys.argv[2], progress=Blocked())
"""

CRAMPED = """
import resource, sys
from hgl.db.database import Database
from hgl.errors import SourceError

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    Database.open(sys.argv[1], out=sys.argv[2])
except SourceError as error:
    print(error)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of two tables, the second of some megabytes."""
    file = tmp_path / "source.sqlite"
    words = np.random.default_rng(0).integers(0, 2**60, 100_000)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER)")
        connection.execute("CREATE TABLE b (id INTEGER PRIMARY KEY, word TEXT)")
        connection.executemany("INSERT INTO a VALUES (?, 1)", [(i,) for i in range(1000)])
        connection.executemany("INSERT INTO b VALUES (?, ?)", enumerate(map(str, words)))
        connection.commit()
    return f"sqlite:///{file}"


def run(script: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start `script` in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy())


def change(url: str) -> None:
    """Write to the table that is read first."""
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE a SET x = 2")
        connection.commit()


def test_a_killed_ingest_goes_on_where_it_stopped(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    with run(BLOCKED, url, out) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at b\n"
        with pytest.raises(SourceError, match="being written by another process"):
            Database.open(url, out=out)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    change(url)
    db = Database.open(url, out=out)
    assert set(db.frame("a")["x"]) == {1}
    assert len(db.frame("b")) == 100_000
    assert "a: reusing rows of an earlier, interrupted snapshot" in caplog.text
    assert "b: reusing" not in caplog.text
    assert not out.with_name("out.part").exists()
    assert set(Database.open(url, out=out).frame("a")["x"]) == {2}


def test_an_ingest_killed_after_its_last_rename_can_be_run_again(url: str, tmp_path: Path) -> None:
    """What it had replaced is still in its workplace."""
    out = tmp_path / "out"
    Database.open(url, out=out)
    shutil.copytree(out, tmp_path / "out.part" / "replaced")
    change(url)
    assert set(Database.open(url, out=out).frame("a")["x"]) == {2}
    assert not (tmp_path / "out.part").exists()


def test_rows_of_another_source_are_not_gone_on_with(url: str, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other.sqlite"
    with run(BLOCKED, url, out) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    other.write_bytes(Path(url.removeprefix("sqlite:///")).read_bytes())
    change(f"sqlite:///{other}")
    assert set(Database.open(f"sqlite:///{other}", out=out).frame("a")["x"]) == {2}


def test_a_full_disk_leaves_nothing_that_looks_whole(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with run(CRAMPED, url, out) as process:
        said, _ = process.communicate()
    assert "disk full while writing" in said
    assert not out.exists()
    assert not list(out.with_name("out.part").rglob("b.parquet"))
    assert len(Database.open(url, out=out).frame("b")) == 100_000


def test_a_disk_full_while_arranging_leaves_nothing(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    words = np.random.default_rng(0).integers(0, 2**60, 100_000)
    pd.DataFrame({"id": range(100_000), "x": words}).to_parquet(source / "t.parquet")
    with run(CRAMPED, source, out) as process:
        said, _ = process.communicate()
    assert "disk full while writing" in said
    assert not out.exists()


@pytest.mark.parametrize(
    "place",
    [
        "postgresql://postgres:{}@127.0.0.1:1/nowhere",
        "postgresql://postgres:{}@no-such-host.invalid/nowhere",
        "postgresql://nobody-here:{}@127.0.0.1:5432/nowhere",
        "postgresql://127.0.0.1:1/nowhere?user=me&password={}",
        "mysql://root:{}@127.0.0.1:3306/nowhere",
        "mysql://root:{}@127.0.0.1:1/nowhere",
        "mssql+pyodbc://me:{}@host/db",
        "no-such-dialect://me:{}@host/db",
        "postgresql://me:{}@host:not-a-port/db",
    ],
)
def test_a_password_is_never_shown(
    place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError) as caught:
        Database.open(place.format(SHOWN), out=tmp_path / "out")
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    said += "".join(capfd.readouterr())
    said += "".join(f.read_text(errors="replace") for f in tmp_path.rglob("*") if f.is_file())
    assert SECRET not in said
    assert SHOWN not in said
    assert caught.value.__cause__ is None


def test_no_password_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with scratch("postgresql", tmp_path) as url:  # trusts whoever asks, password or not
        with engine(url).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (id int PRIMARY KEY)")
        db = Database.open(url.replace("postgres@", f"postgres:{SHOWN}@"), out=tmp_path / "out")
    written = "".join(f.read_text(errors="replace") for f in db.folder.rglob("*") if f.is_file())
    assert SHOWN not in written + caplog.text
    assert SECRET not in written + caplog.text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("sqlite:///no/such/file.db", "'no/such/file.db' is not a file"),
        ("sqlite://", "':memory:' is not a file; expected sqlite:///relative.db"),
        ("mysql://root@host/", "names no database; expected dialect://"),
        ("nowhere", "'nowhere' is neither a folder nor a URL"),
        ("://", "neither a folder nor a URL"),
        ("nodialect://host/db", "knows no dialect 'nodialect'"),
        ("mssql+pyodbc://host/db", "needs the driver 'pyodbc'"),
    ],
)
def test_wrong_sources_are_named(source: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        Database.open(source)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database, but long enough to look at " * 100)
    with pytest.raises(SourceError, match=r"x\.db: file is not a database"):
        Database.open(f"sqlite:///{tmp_path / 'x.db'}")


@pytest.mark.parametrize("dialect", ["postgresql", "postgres", "mysql", "mariadb"])
def test_a_missing_driver_names_the_extra(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("psycopg", "psycopg2", "pymysql", "MySQLdb"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"pip install 'hgl-rdl\[db\]'"):
        Database.open(f"{dialect}://host/db")


def test_an_empty_database_is_said_to_be_empty(server_url: str) -> None:
    if server_url.startswith("sqlite"):
        sqlite3.connect(server_url.removeprefix("sqlite:///")).close()
    with pytest.raises(ValueError, match="holds no tables"):
        Database.open(server_url)


def test_out_that_cannot_be_made_is_named(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"out '.*/file/db' cannot be written \(Not a directory"):
        Database.open(url, out=tmp_path / "file" / "db")


def test_out_is_not_taken_from_somebody_else(url: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(SourceError, match="not a database that hgl wrote"):
        Database.open(url, out=tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("out", [True, False])
def test_a_failed_ingest_leaves_no_litter(
    out: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HGL_CACHE", str(tmp_path / "cache"))
    twice = {"t": pd.DataFrame({"id": [1, 1]})}
    with pytest.raises(SchemaError, match="not unique"):
        Database.open(
            twice,
            manifest={"tables": {"t": {"pkey": "id"}}},
            out=tmp_path / "out" if out else None,
        )
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []


def test_new_keys_over_old_rows_are_a_new_database(tmp_path: Path) -> None:
    with scratch("postgresql", tmp_path) as url:
        with engine(url).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE p (id int PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE c (id int PRIMARY KEY, x int)")
        assert Database.open(url).schema.table("c").fkeys == ()
        with engine(url).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE c ADD FOREIGN KEY (x) REFERENCES p (id)")
        assert [f.parent for f in Database.open(url).schema.table("c").fkeys] == ["p"]


def test_equal_folders_keep_their_own_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        pd.DataFrame({"x": [1]}).to_parquet(tmp_path / name / "t.parquet")
        assert Database.open(tmp_path / name).schema.name == name
