"""Stores open where they should, and say what is wrong where they cannot."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from hgl.errors import CacheError, ConfigError, SourceError
from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim
from tests.db.conftest import engine, scratch
from tests.search.store_worker import key


def test_a_path_is_a_file_in_write_ahead_mode(tmp_path: Path) -> None:
    file = tmp_path / "deeper" / "store.db"
    TrialStore(file)
    TrialStore(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_many_open_a_new_store_at_once(where: str) -> None:
    with ThreadPoolExecutor(12) as threads:
        stores = list(threads.map(lambda _: TrialStore(where), range(24)))
        claims = list(threads.map(lambda s: s.claim(key(0), "me"), stores))
    assert sum(isinstance(claim, Claim) for claim in claims) == 1


def test_a_reader_sees_the_store_while_another_writes(tmp_path: Path) -> None:
    store = TrialStore(tmp_path / "store.db")
    store.claim(key(0), "me")
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE hgl_trial SET worker = 'you'")
        assert store.frame()["worker"].tolist() == ["me"]
        assert store.result(key(0)) is None
    connection.close()


def test_another_version_is_refused(where: str) -> None:
    TrialStore(where)
    with engine(where).begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE hgl_store SET version = 9"))
    with pytest.raises(CacheError, match=r"has version \[9\]: expected \[1\]"):
        TrialStore(where)


def test_a_store_without_its_tables_is_damaged(where: str) -> None:
    store = TrialStore(where)
    with engine(where).begin() as connection:
        for table in ("hgl_trial_test", "hgl_trial"):
            connection.execute(sqlalchemy.text(f"DROP TABLE {table}"))
    with pytest.raises(CacheError, match=r"is damaged \(.*hgl_trial.*\): move it away"):
        store.claim(key(0), "me")


def test_damaged_files(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(b"no database at all, but long enough to be looked at" * 99)
    with pytest.raises(CacheError, match=r"store .*store.db is damaged \(file is not a database\)"):
        TrialStore(file)
    file.unlink()
    store = TrialStore(file)
    for seed in range(200):
        store.claim(key(seed), "me")
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(CacheError, match="is damaged"):
        store.frame()


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE customers (id)")
    connection.close()
    with pytest.raises(CacheError, match="is another program's: it has 'customers'"):
        TrialStore(file)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]
    connection.close()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("mysql://me:secret@host/d", r"store='mysql://me:\*\*\*@host/d': expected a file"),
        ("sqlite://", "store='sqlite://': expected a file, which workers can share"),
        (":memory:", "store=':memory:': expected a file"),
        ("postgresql+nodriver://me:secret@host/d", "no such driver"),
        ("duckdb:///x", "expected a file, sqlite:/// or postgresql://"),
    ],
)
def test_no_place_for_a_store(where: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        TrialStore(where)
    assert "secret" not in str(caught.value)


def test_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"store .*: unable to open database file"):
        TrialStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=r"store .*"):
        TrialStore(tmp_path / "file" / "store.db")
    with pytest.raises(SourceError, match=r"store postgresql.*me:\*\*\*@127.0.0.1") as caught:
        TrialStore("postgresql://me:se%40cret@127.0.0.1:1/d")
    assert "cret" not in str(caught.value)


def test_a_refused_password_is_not_repeated(tmp_path: Path) -> None:
    with scratch("postgresql", tmp_path) as url:
        wrong = make_url(url).set(username="hgl_nobody", password="s3cr3t").render_as_string(False)
        with pytest.raises(SourceError, match="store postgresql") as caught:
            TrialStore(wrong)
        assert "s3cr3t" not in str(caught.value)
