"""The fast way out of SQLite and PostgreSQL: Arrow batches from ADBC drivers, where installed."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from hgl.db import sqlite
from hgl.db.conform import conform
from hgl.db.dialects import CAREFUL_SQLITE, POSTGRESQL, SQLITE, Dialect
from hgl.db.stream import Misfit, TableRead

_BATCH_BYTES = 4 << 20


class AdbcReader:
    """One ADBC connection in one transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the few rows of a query."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def execute(self, sql: str) -> None:
        """Run a statement without rows."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)

    def stream(self, sql: str, options: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query in the driver's own types."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.adbc_statement.set_options(**options)
            cursor.execute(sql)
            yield from cursor.fetch_record_batch()

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()


class PostgresqlReader(AdbcReader):
    """PostgreSQL through binary COPY; the server casts every type that could surprise."""

    def __init__(self, uri: str) -> None:
        from adbc_driver_postgresql import dbapi

        super().__init__(dbapi.connect(uri))
        for statement in POSTGRESQL.snapshot:
            self.execute(statement)

    def batches(self, table: TableRead) -> Iterator[tuple[pa.RecordBatch, Counter[str]]]:
        """Yield the rows of `table`, a few megabytes at a time."""
        options = {"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        for batch in self.stream(table.select(POSTGRESQL), options):
            yield conform(batch, table.schema)

    def careful(self, table: TableRead) -> tuple[TableRead, Mapping[str, int]]:
        """Return `table`: PostgreSQL's values always fit their types."""
        return table, {}


class SqliteReader(AdbcReader):
    """SQLite, opened read-only, whose columns hold whatever somebody put there.

    The driver takes a column's type from the first values it sees, so a typed row goes before the
    table's own and is dropped again.
    """

    def __init__(self, uri: str) -> None:
        from adbc_driver_sqlite import dbapi

        super().__init__(dbapi.connect(uri))
        self._dialects: dict[str, Dialect] = {}

    def batches(self, table: TableRead) -> Iterator[tuple[pa.RecordBatch, Counter[str]]]:
        """Yield the rows of `table`. Raises: Misfit: a value contradicts its declared type."""
        dialect = self._dialects.get(table.name, SQLITE)
        sql = f"{sqlite.typed_row(table)} UNION ALL {table.select(dialect)}"
        options = {"adbc.sqlite.query.batch_rows": str(sqlite.batch_rows(self.rows, table))}
        skipped = 1
        try:
            for batch in self.stream(sql, options):
                if batch.schema.types != sqlite.arriving(table):
                    raise Misfit("values contradict the declared types")
                yield conform(batch.slice(skipped), table.schema)
                skipped = 0
        except OSError as error:
            if "Type mismatch" not in str(error):
                raise
            raise Misfit("values contradict the declared types") from None

    def careful(self, table: TableRead) -> tuple[TableRead, Mapping[str, int]]:
        """Return how to read a misfitting `table`, and what its columns lose."""
        self._dialects[table.name] = CAREFUL_SQLITE
        return sqlite.careful(self.rows, table)
