"""Single rows out of a live database, fast: prepared statements on read-only connections."""

from __future__ import annotations

import collections
import contextlib
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from hgl.db.sql import parsed, scrubbed
from hgl.errors import MissingExtra, SchemaError, SourceError

Parameters = Sequence[Any] | Mapping[str, Any]
"""By position (`$1`) in PostgreSQL, by name (`:name`) in SQLite."""

_SESSION = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET TimeZone = 'UTC'",
    "SET standard_conforming_strings = on",
    # One plan for all parameters: planning hundreds of expressions takes longer than running them.
    "SET plan_cache_mode = force_generic_plan",
    "SET jit = off",
    # Such a plan takes windows for small, sorts all of a key's rows and then keeps twenty. Walking
    # an index by time from its end stops at those.
    "SET enable_bitmapscan = off",
    "SET enable_sort = off",
    "SET max_parallel_workers_per_gather = 0",
)
_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock: a millisecond or less."""
_STATEMENTS = 16
_MMAP = 1 << 28
_GONE = ("no such table", "no such column", "has no column")


class _Lost(Exception):
    """The server dropped the connection; the cause says how."""


class ValueRefused(SourceError):
    """A parameter cannot be a value of the column it is compared with."""


class Driver(Protocol):
    """One kind of database."""

    def connect(self) -> Any:
        """Return a new connection that can only read."""

    def execute(self, connection: Any, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run a statement, prepared the first time, and return its rows."""

    def lost(self, connection: Any) -> bool:
        """Whether a connection is of no more use."""

    def failure(self, error: Exception) -> Exception | None:
        """Return what to raise for a driver's `error`; None: it is not the driver's."""


class LiveReader:
    """Reads a live database from any number of threads; idle connections are kept.

    A connection that the server dropped is replaced, once a call.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._idle: collections.deque[Any] = collections.deque()
        weakref.finalize(self, _close, self._idle)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement.

        Raises: SourceError: the database cannot be reached or takes too long. SchemaError: a table
            or column is gone.
        """
        return self._with_connection(lambda c: self._driver.execute(c, sql, parameters))

    def each(self, sql: str, many: Sequence[Parameters]) -> list[list[tuple[Any, ...]]]:
        """Return the rows of one statement for many parameters, all of one moment. Raises: as
        `rows`.
        """

        def run(connection: Any) -> list[list[tuple[Any, ...]]]:
            self._driver.execute(connection, "BEGIN", ())
            found = [self._driver.execute(connection, sql, parameters) for parameters in many]
            self._driver.execute(connection, "COMMIT", ())
            return found

        return self._with_connection(run)

    def close(self) -> None:
        """Close idle connections; the reader can be used again."""
        _close(self._idle)

    def _with_connection(self, use: Callable[[Any], Any]) -> Any:
        with self._failures():
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._used(self._driver.connect(), use)
            try:
                return self._used(connection, use)
            except _Lost:
                self.close()  # what is idle was dropped with it
            return self._used(self._driver.connect(), use)

    def _used(self, connection: Any, use: Callable[[Any], Any]) -> Any:
        """Use a connection and keep it; one that failed may be inside a transaction, so it goes."""
        try:
            found = use(connection)
        except BaseException as error:
            lost = self._driver.lost(connection)
            connection.close()
            if lost:
                raise _Lost from error
            raise
        self._idle.append(connection)
        return found

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            cause = error.__cause__ if isinstance(error, _Lost) else error
            failure = self._driver.failure(cause) if isinstance(cause, Exception) else None
            if failure is None:
                raise
            raise failure from None


def _close(idle: collections.deque[Any]) -> None:
    while idle:
        with contextlib.suppress(IndexError):  # another thread took the last one
            idle.pop().close()


class SqliteDriver:
    """An SQLite file.

    Args:
        timeout: seconds a statement may take.
        immutable: nobody writes the file, so it need not be locked.
    """

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, file: Path, timeout: float, immutable: bool = False) -> None:
        self._file, self._timeout = file, timeout
        self._uri = f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"

    def connect(self) -> sqlite3.Connection:
        """Return a new connection that can only read."""
        connection = sqlite3.connect(
            self._uri,
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA mmap_size = {_MMAP}")
        return connection

    def execute(
        self, connection: sqlite3.Connection, sql: str, parameters: Parameters
    ) -> list[tuple[Any, ...]]:
        """Run a statement, prepared the first time, and return its rows."""
        until = time.monotonic() + self._timeout
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        return connection.execute(sql, parameters).fetchall()

    def lost(self, connection: sqlite3.Connection) -> bool:
        """A file is never lost."""
        return False

    def failure(self, error: Exception) -> Exception | None:
        """Return what to raise for SQLite's `error`; None: it is not SQLite's."""
        if not isinstance(error, sqlite3.Error):
            return None
        said = " ".join(str(error).split())
        kind = SchemaError if any(gone in said for gone in _GONE) else SourceError
        said = f"took over {self._timeout} s" if said == "interrupted" else said
        return kind(f"database {str(self._file)!r}: {said}")


class PostgresqlDriver:
    """A PostgreSQL database.

    Args:
        timeout: seconds a statement may take, and a connection to come about.
    Raises: MissingExtra: psycopg is not installed.
    """

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: str, timeout: float) -> None:
        try:
            import psycopg
        except ImportError:
            raise MissingExtra("psycopg", "db", "reading postgresql") from None
        self._psycopg = psycopg
        self._url, self._timeout = parsed(url), timeout

    def connect(self) -> Any:
        """Return a new connection that can only read."""
        place = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = self._psycopg.connect(
            place,
            autocommit=True,
            connect_timeout=max(2, round(self._timeout)),
            cursor_factory=self._psycopg.RawCursor,
        )
        limit = f"SET statement_timeout = {round(self._timeout * 1000)}"
        connection.execute("; ".join((*_SESSION, limit)))
        return connection

    def execute(self, connection: Any, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run a statement, prepared the first time, and return its rows."""
        cursor = connection.execute(sql, parameters or None, prepare=bool(parameters), binary=True)
        return list(cursor.fetchall()) if cursor.description else []

    def lost(self, connection: Any) -> bool:
        """Whether the server dropped the connection."""
        return bool(connection.closed)

    def failure(self, error: Exception) -> Exception | None:
        """Return what to raise for psycopg's `error`; None: it is not psycopg's."""
        errors = self._psycopg.errors
        if not isinstance(error, self._psycopg.Error):
            return None
        gone = errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction
        kind = SchemaError if isinstance(error, gone) else SourceError
        kind = ValueRefused if isinstance(error, errors.DataError) else kind
        place = self._url.render_as_string(hide_password=True)
        return kind(f"database {place!r}: {scrubbed(self._url, error)}")


def live_reader(url: str, timeout: float = 5.0) -> tuple[LiveReader, str]:
    """Return a reader of the database at `url`, and its dialect.

    Args:
        timeout: seconds a statement may take.
    Raises: SourceError: the URL makes no sense, or is of a dialect that is not read live.
        MissingExtra: its driver is not installed.
    """
    place = parsed(url)
    backend = place.get_backend_name()
    if backend == "postgresql":
        return LiveReader(PostgresqlDriver(url, timeout)), backend
    if backend == "sqlite":
        file = Path(place.database or "")
        if not file.is_file():
            raise SourceError(f"SQLite database {str(file)!r} is not a file")
        return LiveReader(SqliteDriver(file, timeout)), backend
    raise SourceError(
        f"database {place.render_as_string(hide_password=True)!r}: {backend} is not read live; "
        "expected sqlite or postgresql, or a snapshot"
    )
