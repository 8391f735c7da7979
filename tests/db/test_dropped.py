"""Connections that a server drops while tables are read, and servers that are restarted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
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


class Server:
    """A PostgreSQL of our own, which may be restarted."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-D", "data", "-U", "postgres", "--no-sync", "-A", "trust")
        self.control("start")

    def control(self, *words: str) -> None:
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", settings, *words)

    def restart(self) -> None:
        """As a crash would: no connection is let finish."""
        self.control("-m", "immediate", "restart")

    def run(self, program: str, *words: str) -> None:
        # The server refuses to be root.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*user, programs()[program], *words]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=120)


def programs() -> dict[str, str]:
    """Where PostgreSQL's programs are; skips where they are not."""
    where = os.pathsep.join(
        [os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    )
    found = {name: shutil.which(name, path=where) for name in ("initdb", "pg_ctl")}
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"no {missing[0]} here to start a server with")
    return {name: str(path) for name, path in found.items()}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    programs()
    folder = Path(tempfile.mkdtemp())  # not pytest's, which only its owner may enter
    if os.geteuid() == 0:
        try:
            shutil.chown(folder, "postgres")
        except LookupError:
            pytest.skip("root may not run PostgreSQL, and there is no user postgres")
    try:
        started = Server(folder)
        yield started
        started.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_restarted_server_is_read_again(server: Server, tmp_path: Path) -> None:
    fill(server.url)
    check_interrupted(server.url, tmp_path / "out", server.restart)


def test_a_store_outlives_the_restart_of_its_server(server: Server) -> None:
    store = TrialStore(server.url)
    claim = store.claim(key(0), "worker")
    assert isinstance(claim, Claim)
    server.control("-m", "immediate", "stop")
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        store.beat(claim)
    server.control("start")
    assert store.beat(claim)
    assert store.finish(claim, {"mae": [0.5]}, {})
    with engine(server.url).connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM hgl_trial")).scalar() == 1
