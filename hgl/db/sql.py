"""Live SQL databases: reflection and read-only streaming through SQLAlchemy."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.reflection import Inspector, ObjectKind

from hgl.db import sqlite
from hgl.db.cache import digest_files
from hgl.db.conform import column as conformed
from hgl.db.dialects import CAREFUL_SQLITE, DIALECTS, OTHER
from hgl.db.duck import parquet
from hgl.db.files import table_file
from hgl.db.raw import Raw, check_names
from hgl.db.redact import redact
from hgl.db.reflected import Described, Names, declared, key_columns, table_read
from hgl.db.schema import Column, Schema, TableSchema
from hgl.db.source import Request, Source
from hgl.db.stream import Misfit, Reader, TableRead, read_tables
from hgl.errors import MissingExtra, SchemaError, SourceError

log = logging.getLogger(__name__)

_DRIVERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "postgresql": (("psycopg", "psycopg"), ("psycopg2", "psycopg2")),
    "mysql": (("pymysql", "pymysql"), ("mysqldb", "MySQLdb")),
    "mariadb": (("pymysql", "pymysql"), ("mysqldb", "MySQLdb")),
}
"""Per dialect, where the URL names no driver: (SQLAlchemy's name, module), preferred one first."""
_LIBPQ = ("psycopg", "psycopg2")
"""Drivers whose URLs ADBC, which is libpq too, understands."""
_BATCH_BYTES = 4 << 20
_STREAMED = {"stream_results": True}
_FIRST_ROWS, _MOST_ROWS = 256, 16384
_PARTITIONS = sqlalchemy.text(
    "SELECT relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
    "ON n.oid = c.relnamespace WHERE relispartition AND nspname = coalesce(:s, current_schema())"
)
_ISOLATION = ("SNAPSHOT", "REPEATABLE READ", "SERIALIZABLE")
"""Levels under which all tables show one moment, in the order they are tried."""


def reflect(
    url: str,
    *,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    views: Sequence[str] = (),
    sql_schema: str | None = None,
) -> Schema:
    """Return the tables and keys that a live database declares; only its catalogue is read.

    Raises: SourceError: it cannot be reached. SchemaError: a name given is not there.
        MissingExtra: its driver is not installed.
    """
    request = Request(include=include, exclude=exclude, views=views, sql_schema=sql_schema)
    return LiveDatabase(url, request).reflect().schema


def sql_source(url: str, request: Request) -> Source:
    """Return the live database at `url` as a source; see `Database.open`.

    Raises: SourceError: the URL makes no sense. MissingExtra: its driver is not installed.
    """
    live = LiveDatabase(url, request)
    return Source(live.name, live.content if live.is_file else None, live.place, live.read)


@dataclass(frozen=True)
class Reflection:
    """What a live database declares.

    Attributes:
        schema: tables, columns as they will be stored, declared keys.
        tables: how to read each of them.
        fkeys_declared: tables that state all their foreign keys.
        blobs: (table, column) left out.
    """

    schema: Schema
    tables: tuple[TableRead, ...]
    fkeys_declared: frozenset[str]
    blobs: tuple[tuple[str, str], ...]


class LiveDatabase:
    """One database URL and what is asked of it. Its password never leaves this object."""

    def __init__(self, url: str, request: Request) -> None:
        self._url = parsed(url)
        self._request = request
        self._backend = self._url.get_backend_name()
        self._file = _sqlite_file(self._url) if self._backend == "sqlite" else None
        self.engine = _engine(self._url, self._file)

    @property
    def name(self) -> str:
        """What the database is called."""
        return (self._file.stem if self._file else self._url.database) or self._backend

    @property
    def place(self) -> str:
        """Where the database is, without a password."""
        return str(self._file) if self._file else redact(self._url.render_as_string())

    @property
    def is_file(self) -> bool:
        """Whether the database is a file."""
        return self._file is not None

    def content(self) -> str:
        """Return a hash of the database's file and of what is still in its journals."""
        file = self._file or Path()
        journals = (file.with_name(file.name + end) for end in ("-wal", "-journal"))
        return digest_files([file, *(j for j in journals if j.is_file())])

    def reflect(self) -> Reflection:
        """Return tables, columns and keys as declared."""
        with self._failures(), self.engine.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)
            return self._reflected(connection)

    def read(self, folder: Path) -> Raw:
        """Stream every table into `folder` inside one snapshot; see `stream.read_tables`."""
        found = self.reflect()
        with self._failures(), contextlib.closing(self._reader()) as reader:
            tables: Sequence[TableRead] = found.tables
            if self._backend == "sqlite":
                tables = [sqlite.typed(reader.rows, t) for t in tables]
            defects = read_tables(reader, tables, self.place, folder, self._request.progress)
        files = {t.name: table_file(folder, t.name) for t in tables}
        for table, column in found.blobs:
            log.warning("%s.%s holds blobs; the column is left out", table, column)
            rows = pq.read_metadata(files[table]).num_rows
            defects[f"{table}.{column}: blob left out"] = rows
        scans = {name: parquet([file]) for name, file in files.items()}
        return Raw(found.schema, scans, found.fkeys_declared, defects)

    def _reflected(self, connection: Connection) -> Reflection:
        inspector = sqlalchemy.inspect(connection)
        schema = self._request.sql_schema
        if schema is not None and schema not in (known := inspector.get_schema_names()):
            raise SchemaError(f"sql_schema {schema!r} is unknown; there are: {', '.join(known)}")
        tables = self._tables(connection, inspector)
        wanted = [*tables, *self._views(inspector)]
        check_names(wanted, f"database {self.name!r}")
        options: dict[str, Any] = {
            "schema": schema,
            "filter_names": wanted,
            "kind": ObjectKind.ANY,
        }
        columns = {
            name: [{**c, "name": self._unescaped(c["name"])} for c in found]
            for (_, name), found in inspector.get_multi_columns(**options).items()
        }
        pkeys = {name: k for (_, name), k in inspector.get_multi_pk_constraint(**options).items()}
        fkeys = {name: k for (_, name), k in inspector.get_multi_foreign_keys(**options).items()}
        names = {name: Names(columns[name]) for name in sorted(columns)}
        keyed = {n: declared(n, schema, pkeys.get(n, {}), fkeys.get(n, []), names) for n in names}
        reads, blobs = self._reads(columns, keyed)
        for read in reads:
            stored = tuple(Column(field.name, str(field.type)) for field in read.schema)
            keyed[read.name] = dataclasses.replace(keyed[read.name], columns=stored)
        spoken = frozenset(tables) if any(t.fkeys for t in keyed.values()) else frozenset()
        return Reflection(Schema(self.name, keyed), tuple(reads), spoken, tuple(blobs))

    def _reads(
        self, columns: Mapping[str, Described], keyed: Mapping[str, TableSchema]
    ) -> tuple[list[TableRead], list[tuple[str, str]]]:
        """Return how to read every table, and the (table, column) pairs left out."""
        keys = key_columns(keyed)
        reads, blobs = [], []
        for name in keyed:
            place = [p for p in (self._request.sql_schema, name) if p is not None]
            quoted = ".".join(map(self._quoted, place))
            read, left_out = table_read(
                name, quoted, columns[name], keys[name], self._quoted, self._backend
            )
            if not read.columns:
                raise SchemaError(f"table {name!r} has no readable column; leave it out by exclude")
            reads.append(read)
            blobs += [(name, column) for column in left_out]
        return reads, blobs

    def _tables(self, connection: Connection, inspector: Inspector) -> list[str]:
        """Return the tables to read; a partition is read through its table.

        Raises: SchemaError: one asked for is not there.
        """
        found = inspector.get_table_names(self._request.sql_schema)
        if self._backend == "postgresql":
            place = {"s": self._request.sql_schema}
            parts = connection.execute(_PARTITIONS, place).scalars().all()
            found = [name for name in found if name not in parts]
        return self._request.chosen(found, f"database {self.name!r}")

    def _views(self, inspector: Inspector) -> list[str]:
        """Return the views to read. Raises: SchemaError: one asked for is not there."""
        if not self._request.views:
            return []
        found = inspector.get_view_names(self._request.sql_schema)
        with contextlib.suppress(NotImplementedError):
            found += inspector.get_materialized_view_names(self._request.sql_schema)
        for view in self._request.views:
            if view not in found:
                known = ", ".join(sorted(found)) or "none"
                raise SchemaError(f"views: {self.name!r} has no view {view!r}; it has: {known}")
        return list(self._request.views)

    def _quoted(self, name: str) -> str:
        """Return `name` as the dialect quotes it. Some double a "%" for drivers that format text;
        nothing is formatted here.
        """
        preparer = self.engine.dialect.identifier_preparer
        doubles = "%%" in preparer.quote_identifier("%")
        return preparer.quote_identifier(name).replace("%%" if doubles else "%", "%")

    def _unescaped(self, column: str) -> str:
        """Return a reflected column's name; SQLAlchemy leaves MySQL's backticks doubled."""
        return column.replace("``", "`") if self._backend in ("mysql", "mariadb") else column

    def _reader(self) -> Reader:
        """Return the fastest reader whose driver is installed."""
        driver = f"adbc_driver_{self._backend}"
        if self._backend in ("sqlite", "postgresql") and importlib.util.find_spec(driver):
            from hgl.db.adbc import PostgresqlReader, SqliteReader

            if self._file is not None:
                return SqliteReader(_file_uri(self._file))
            if self._url.get_driver_name() in _LIBPQ:
                uri = self._url.set(drivername="postgresql")
                return PostgresqlReader(uri.render_as_string(hide_password=False))
        return SqlalchemyReader(self.engine)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn whatever drivers raise into one SourceError without the password."""
        try:
            yield
        except Exception as error:
            if not _is_drivers(error):
                raise
            raise SourceError(f"database {self.place}: {scrubbed(self._url, error)}") from None


class SqlalchemyReader:
    """Any dialect through its SQLAlchemy driver: rows stream, values are fitted one by one."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect().execution_options(no_parameters=True)
        self._dialect = DIALECTS.get(engine.dialect.name, OTHER)
        if self._dialect is OTHER:
            self._isolate(engine)
        self._strict = engine.dialect.name == "sqlite"
        self._careful: set[str] = set()
        for statement in self._dialect.snapshot:
            self._connection.exec_driver_sql(statement)

    def _isolate(self, engine: Engine) -> None:
        """Choose an isolation level that shows one moment, where the dialect has one."""
        offered: Sequence[str] = ()
        with contextlib.suppress(NotImplementedError):
            if driver := self._connection.connection.dbapi_connection:
                offered = engine.dialect.get_isolation_level_values(driver)
        for level in _ISOLATION:
            if level in offered:
                self._connection.execution_options(isolation_level=level)
                return
        log.warning("%s offers no snapshot: tables may differ by moments", engine.dialect.name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the few rows of a query."""
        return [tuple(row) for row in self._connection.exec_driver_sql(sql)]

    def batches(self, table: TableRead) -> Iterator[tuple[pa.RecordBatch, Counter[str]]]:
        """Yield the rows of `table`, a few megabytes at a time. Raises: Misfit."""
        size, careful = _FIRST_ROWS, table.name in self._careful
        sql = table.select(CAREFUL_SQLITE if careful else self._dialect)
        streamed = self._connection.exec_driver_sql(sql, execution_options=_STREAMED)
        with contextlib.closing(streamed) as result, _abandoning(streamed.cursor):
            while rows := result.fetchmany(size):
                batch, lost = _batch(rows, table.schema)
                if lost and self._strict and not careful:
                    raise Misfit("values contradict the declared types")
                yield batch, lost
                size = max(1, min(_MOST_ROWS, _BATCH_BYTES * len(rows) // (batch.nbytes + 1)))

    def careful(self, table: TableRead) -> tuple[TableRead, Mapping[str, int]]:
        """Return how to read a misfitting SQLite `table`, and what its columns lose."""
        self._careful.add(table.name)
        return sqlite.careful(self.rows, table)

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()


def _batch(rows: Sequence[Any], schema: pa.Schema) -> tuple[pa.RecordBatch, Counter[str]]:
    """Return fetched rows as one batch of `schema`, and how many values did not fit."""
    fitted = [conformed(values, f.type) for values, f in zip(zip(*rows), schema)]
    lost = Counter({f.name: n for f, (_, n) in zip(schema, fitted)})
    return pa.RecordBatch.from_arrays([array for array, _ in fitted], schema=schema), +lost


@contextlib.contextmanager
def _abandoning(cursor: Any) -> Iterator[None]:
    """Have a cursor expect no more rows once its connection is gone.

    PyMySQL's reads on from it when it is closed and when it is collected, and fails each time.
    """
    try:
        yield
    except exc.DBAPIError as error:
        if error.connection_invalidated and (result := getattr(cursor, "_result", None)):
            result.unbuffered_active = False
        raise


def _is_drivers(error: Exception) -> bool:
    """Whether a driver raised `error`; those that read for Arrow raise OSErrors without number."""
    if isinstance(error, OSError):
        return error.errno is None
    adbc = type(error).__module__.startswith("adbc_driver_manager")
    return adbc or isinstance(error, exc.SQLAlchemyError | pa.ArrowException)


def scrubbed(url: URL, error: Exception) -> str:
    """Return what a driver says, on one line, without the URL's password in any spelling."""
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    password = url.password
    for secret in {password, quote(password), quote_plus(password)} if password else ():
        text = text.replace(secret, "***")
    return redact(text)


def parsed(url: str, what: str = "source") -> URL:
    """Return `url` with an installed driver chosen where it names none.

    Args:
        what: the argument's name, for errors.

    Raises: SourceError: it is not a URL, or names no database where its dialect needs one.
        MissingExtra: no driver of the dialect is installed.
    """
    shape = "dialect://user:password@host:port/database"
    try:
        found = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise SourceError(f"{what} {redact(url)!r} is not a URL such as {shape}") from None
    if found.get_backend_name() in ("mysql", "mariadb") and not found.database:
        raise SourceError(f"{what} {redact(url)!r} names no database; expected {shape}")
    dialect = "postgresql" if found.drivername == "postgres" else found.drivername
    for driver, module in _DRIVERS.get(dialect, ()):
        if importlib.util.find_spec(module):
            return found.set(drivername=f"{dialect}+{driver}")
    if dialect in _DRIVERS:
        raise MissingExtra(_DRIVERS[dialect][0][1], "db", f"reading {dialect}")
    return found


def _sqlite_file(url: URL) -> Path:
    """Return the file of an SQLite URL. Raises: SourceError: there is none."""
    file = Path(url.database or "")
    if not url.database or not file.is_file():
        raise SourceError(
            f"SQLite database {url.database or ':memory:'!r} is not a file; expected "
            "sqlite:///relative.db or sqlite:////absolute.db"
        )
    return file.resolve()


def _file_uri(file: Path) -> str:
    return f"{file.as_uri()}?mode=ro"


def _engine(url: URL, file: Path | None) -> Engine:
    """Return an engine that keeps no connection open; SQLite's can only read.

    Raises: SourceError: SQLAlchemy knows no such dialect, or its driver is not installed.
    """
    if file is not None and url.drivername == "sqlite":
        read_only = {"mode": "ro", "uri": "true"}
        url = URL.create("sqlite", database=file.as_uri(), query=read_only)
    try:
        return sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    except exc.NoSuchModuleError:
        raise SourceError(f"SQLAlchemy knows no dialect {url.drivername!r}") from None
    except ModuleNotFoundError as error:
        raise SourceError(
            f"dialect {url.drivername!r} needs the driver {error.name!r}: pip install {error.name}"
        ) from None
