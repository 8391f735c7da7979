"""Connections that a server drops while tables are read, and servers that are restarted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from hgl.db.database import Database
from hgl.db.sql import LiveDatabase, SqlalchemyReader
from hgl.errors import SourceError
from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim
from tests.db.conftest import engine, scratch
from tests.db.own_server import MariaDB, PostgreSQL, Server, own_server
from tests.search.store_worker import key

ROWS = 60_000
FILLED = {
    "postgresql": f"SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, {ROWS}) i",
    "mysql": f"SELECT seq, repeat(md5(seq), 8) FROM seq_1_to_{ROWS}",
}
DROPPED = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist "
    "WHERE db = database() AND id <> connection_id()",
}


class Meddling:
    """Does something once, after the first rows of the second table."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act, self.done = act, False

    def start(self, table: str, total: int | None) -> None: ...
    def finish(self, table: str) -> None: ...
    def advance(self, table: str, rows: int) -> None:
        if table == "large" and not self.done:
            assert rows < ROWS, "the rest is still to come"
            self.done = True
            self.act()


def fill(url: str) -> None:
    with engine(url).begin() as connection:
        kind = connection.dialect.name
        rows = FILLED["postgresql" if kind == "postgresql" else "mysql"]
        for name in ("small", "large"):
            connection.exec_driver_sql(f"CREATE TABLE {name} (id INT PRIMARY KEY, word TEXT)")
        connection.exec_driver_sql("INSERT INTO small VALUES (1, 'one')")
        connection.exec_driver_sql(f"INSERT INTO large {rows}")


def drop(url: str) -> None:
    """Have the server drop every other connection to a database."""
    with engine(url).begin() as connection:
        kind = "postgresql" if connection.dialect.name == "postgresql" else "mysql"
        for (said,) in connection.exec_driver_sql(DROPPED[kind]).all():
            if kind == "mysql":
                connection.exec_driver_sql(said)


def check_interrupted(url: str, out: Path, act: Callable[[], None]) -> None:
    """One line and no database; the same command then reads what an undisturbed one does."""
    with pytest.raises(SourceError) as caught:
        Database.open(url, out=out, progress=Meddling(act))
    assert "\n" not in str(caught.value)
    assert not out.exists()
    again = Database.open(url, out=out)
    assert len(again.frame("large")) == ROWS
    assert again.fingerprint == Database.open(url, out=out.with_name("undisturbed")).fingerprint


@pytest.mark.parametrize(
    ("backend", "reader"),
    [("postgresql", "fastest"), ("postgresql", "SQLAlchemy"), ("mysql", "SQLAlchemy")],
)
def test_a_dropped_connection_is_no_end_of_a_table(
    backend: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "SQLAlchemy":
        monkeypatch.setattr(LiveDatabase, "_reader", lambda self: SqlalchemyReader(self.engine))
    with scratch(backend, tmp_path) as url:
        fill(url)
        check_interrupted(url, tmp_path / "out", lambda: drop(url))


def test_two_readers_of_one_server_share_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one reads while the first one does, and neither waits."""
    cache, found = tmp_path / "cache", list[Database]()
    monkeypatch.setenv("HGL_CACHE", str(cache))
    with scratch("postgresql", tmp_path) as url:
        fill(url)
        first = Database.open(url, progress=Meddling(lambda: found.append(Database.open(url))))
    assert [first.folder] == [second.folder for second in found]
    assert len(first.frame("large")) == ROWS
    assert [p.name for p in (cache / "raw").iterdir()] == [".aside"]
    assert not list((cache / "raw" / ".aside").iterdir())


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with own_server(request.param) as started:
        yield started


@pytest.mark.parametrize("server", [PostgreSQL, MariaDB], indirect=True)
def test_a_restarted_server_is_read_again(server: Server, tmp_path: Path) -> None:
    fill(server.url)
    check_interrupted(server.url, tmp_path / "out", server.restart)


@pytest.mark.parametrize("server", [PostgreSQL], indirect=True)
def test_a_store_outlives_the_restart_of_its_server(server: Server) -> None:
    store = TrialStore(server.url)
    claim = store.claim(key(0), "worker")
    assert isinstance(claim, Claim)
    server.stop()
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        store.beat(claim)
    server.start()
    assert store.beat(claim)
    assert store.finish(claim, {"mae": [0.5]}, {})
    with engine(server.url).connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM hgl_trial")).scalar() == 1
