"""Where a store's rows are: SQLite or PostgreSQL, their tables, clock, locks and errors."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Float, exc
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.sql import ColumnElement

from hgl.db.redact import redact
from hgl.db.sql import parsed, scrubbed
from hgl.errors import CacheError, ConfigError, SourceError
from hgl.search.store_tables import METADATA, STORE, VERSION

_PATIENCE = 60.0
"""Seconds that an SQLite writer waits for the others."""
_SETUP_LOCK = 5_263_521
"""PostgreSQL's advisory lock under which tables are made; any number nobody else uses."""
_NOW: Mapping[str, str] = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)",
}
"""Seconds since the epoch by the database's own clock: workers' clocks may differ."""


class StoreEngine:
    """Connections to a store, none of which is kept open. No password leaves this object.

    Args:
        where: a file for SQLite, or a URL of SQLite or PostgreSQL. A file made anew is in
            write-ahead mode, which network drives do not offer: share a PostgreSQL instead.
    Raises: ConfigError: it is neither. SourceError: it cannot be reached or written. CacheError:
        it is damaged, of another version, or another program's. MissingExtra: no driver.
    """

    def __init__(self, where: str | Path) -> None:
        self._url = _url(where)
        self._backend = self._url.get_backend_name()
        self._engine = _engine(self._url)
        self._driver: Any = self._engine.dialect.dbapi
        self.now: ColumnElement[float] = sqlalchemy.literal_column(_NOW[self._backend], Float)
        with self._failures():
            if self._backend == "sqlite":
                self._make_file()
            with self._engine.begin() as connection:
                self._set_up(connection)

    @property
    def place(self) -> str:
        """Where the store is, without a password."""
        is_file = self._backend == "sqlite"
        return str(self._url.database) if is_file else redact(self._url.render_as_string())

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; on SQLite the only writer's."""
        with self._failures(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that waits for nobody."""
        engine = self._engine.execution_options(hgl_reads=True)
        with self._failures(), engine.begin() as connection:
            yield connection

    def _make_file(self) -> None:
        """Make folder and file; two processes may be at it, of which SQLite turns one away."""
        Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with contextlib.closing(self._engine.raw_connection()) as connection:
                    connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except Exception as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _set_up(self, connection: Connection) -> None:
        """Make the tables where there are none. Raises: CacheError: these are not ours."""
        if self._backend == "postgresql":
            connection.execute(
                sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_SETUP_LOCK))
            )
        names = sqlalchemy.inspect(connection).get_table_names()
        if STORE.name not in names:
            if names and self._backend == "sqlite":
                raise CacheError(f"store {self.place} is another program's: it has {names[0]!r}")
            METADATA.create_all(connection)
            connection.execute(STORE.insert().values(version=VERSION))
        versions = connection.execute(sqlalchemy.select(STORE.c.version)).scalars().all()
        if versions != [VERSION]:
            raise CacheError(f"store {self.place} has version {versions}: expected [{VERSION}]")

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what drivers raise into one error without the password."""
        try:
            yield
        except OSError as error:
            raise SourceError(f"store {self.place}: {error.strerror}") from None
        except Exception as error:
            if not isinstance(error, exc.SQLAlchemyError | self._driver.Error):
                raise
            reason = _reason(self._url, error)
            if _is_out_of_reach(error, reason):
                raise SourceError(f"store {self.place}: {reason}") from None
            raise CacheError(
                f"store {self.place} is damaged ({reason}): move it away to begin a new one"
            ) from None


def _reason(url: URL, error: Exception) -> str:
    """What a driver says; SQLite calls it an I/O error where its shared memory finds no room."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorname", None)
    return "disk is full" if code == "SQLITE_IOERR_SHMSIZE" else scrubbed(url, error)


def _is_out_of_reach(error: Exception, reason: str) -> bool:
    """Whether an error is about the way to the data, and not about the data."""
    if "permission denied" in reason:
        return True
    operational = type(error).__name__ in ("OperationalError", "InterfaceError")
    return operational and "no such" not in reason


def _url(where: str | Path) -> URL:
    text = str(where)
    url = parsed(text, "store") if "://" in text else URL.create("sqlite", database=text)
    if url.get_backend_name() not in _NOW:
        raise ConfigError(f"store={redact(text)!r}: expected a file, sqlite:/// or postgresql://")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigError(f"store={redact(text)!r}: expected a file, which workers can share")
    return url


def _engine(url: URL) -> Engine:
    is_file = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {"isolation_level": "READ COMMITTED"}
    if is_file:
        options = {"connect_args": {"timeout": _PATIENCE}}
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool, **options)
    except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(f"store={redact(str(url))!r}: no such driver ({error})") from None
    if is_file:
        sqlalchemy.event.listen(engine, "connect", _connected)
        sqlalchemy.event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _: Any) -> None:
    """Leave transactions to `_begun`: the driver would begin one at its first write only."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = NORMAL")


def _begun(connection: Connection) -> None:
    reads = connection.get_execution_options().get("hgl_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
