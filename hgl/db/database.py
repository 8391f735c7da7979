"""An arranged database: a schema and one Parquet file per table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db import duck, times
from hgl.db.duck import identifier
from hgl.db.files import table_file
from hgl.db.opening import open_source
from hgl.db.overrides import read_overrides
from hgl.db.progress import NoProgress, Progress
from hgl.db.schema import Schema, TableSchema
from hgl.db.source import Request
from hgl.errors import CacheError, SchemaError
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

_PART = 1 << 18
"""Rows read together."""
_ROW, _TIME, _EARLIER = map(identifier, ("hgl:row", "hgl:time", "hgl:earlier"))


@dataclass(frozen=True)
class Database:
    """Tables sorted by time, with foreign keys as row positions.

    Attributes:
        folder: holds `db/<table>.parquet`.
        until: rows later than this instant (seconds) are absent; None: all rows are there.
    """

    folder: Path
    schema: Schema
    until: int | None = None

    @classmethod
    def open(
        cls,
        source: str | Path | Mapping[str, pd.DataFrame],
        *,
        name: str | None = None,
        manifest: str | Path | Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        views: Sequence[str] = (),
        sql_schema: str | None = None,
        val_timestamp: str | int | None = None,
        test_timestamp: str | int | None = None,
        progress: Progress | None = None,
    ) -> Database:
        """Open a database; what is not arranged yet is read and arranged first.

        Args:
            source: SQLAlchemy URL; folder (arranged by hgl, RelBench v3 or v2, Parquet or CSV
                files); `relbench:<name>` for a hosted dataset; or DataFrames by table name.
            name: the database's name; default: the source's.
            manifest: overrides of keys, times and column types; a YAML file or a mapping
                `{"tables": {t: {pkey, time_col, null_times, fkeys, columns}}}`.
            out: folder for the arranged copy; default: an entry in the cache.
            include, exclude: tables to read, and to leave out.
            views: views of an SQL source to read as tables.
            sql_schema: schema of an SQL source; default: its connection's.
            val_timestamp, test_timestamp: split instants; proposed where nobody states them.
            progress: told about every table read.
        Raises: SourceError, SchemaError, ConfigError, MissingExtra.
        """
        request = Request(
            name,
            read_overrides(manifest),
            include,
            exclude,
            views,
            sql_schema,
            val_timestamp,
            test_timestamp,
            progress or NoProgress(),
        )
        return cls(*open_source(source, request, Path(out) if out is not None else None))

    @property
    def fingerprint(self) -> str:
        """Hash of all stored data and of the schema."""
        return self.schema.fingerprint

    def path(self, table: str) -> Path:
        """Return the Parquet file of `table`. Raises: SchemaError: there is no such table."""
        return table_file(self.folder / "db", self.schema.table(table).name)

    def frame(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the rows of `table` in row order, all columns or those named.

        Raises: SchemaError: a table or column does not exist.
        """
        for column in columns or ():
            self.schema.table(table).column(column)
        if self.until is None:
            with self._reading(table) as file:
                return pd.read_parquet(file, columns=columns and list(columns))
        chosen = duck.names(columns) if columns else "*"
        with self.connect() as connection:
            return connection.execute(f"SELECT {chosen} FROM {identifier(table)}").df()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return an in-memory DuckDB connection in UTC with one view per table."""
        connection = duck.connect()
        for table in self.schema.tables.values():
            with self._reading(table.name):
                select = self._select(connection, table)
                connection.execute(f"CREATE VIEW {identifier(table.name)} AS {select}")
        return connection

    def column(self, table: str, column: str) -> Iterator[pa.Array]:
        """Yield a stored column in row order, part by part; rows later than `until` too."""
        with self._reading(table) as path, pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_PART, columns=[column]):
                yield batch.column(0)

    def times(
        self, table: str, empty: Callable[[int, type], np.ndarray] = np.empty
    ) -> np.ndarray | None:
        """Return when each row became known: [rows], int64 seconds, rounded up; None if static.

        A null time is `UNKNOWN_TIME`, or `STATIC_TIME` where the table says null times are visible.

        Args:
            empty: makes the array, of a length and a number type: in memory, or in a file.
        """
        schema = self.schema.table(table)
        if schema.time_col is None:
            return None
        known, end = empty(schema.num_rows, np.int64), 0
        for part in self.column(table, schema.time_col):
            begin, end = end, end + len(part)
            known[begin:end] = times.seconds(part, rounding="up")
        if schema.null_times == "visible":
            known[known == UNKNOWN_TIME] = STATIC_TIME
        return known if self.until is None else known[known <= self.until]

    def span(self, table: str) -> tuple[int, int] | None:
        """Return the first and the last known time of a table, in seconds, rounded up.

        None where the table is static, or no row's time is known.
        """
        schema = self.schema.table(table)
        if schema.time_col is None:
            return None
        time, rows = identifier(schema.time_col), duck.parquet([self.path(table)])
        shown = "" if self.until is None else f" WHERE {self._visible(schema)}"
        ends = " UNION ALL ".join(
            f"SELECT {end}({time}) AS ends FROM {rows}{shown}" for end in ("min", "max")
        )
        with self._reading(table), duck.connect() as connection:
            found = times.seconds(connection.sql(ends).to_arrow_table().column(0), rounding="up")
        return None if UNKNOWN_TIME in found else (int(found.min()), int(found.max()))

    def row_positions(self, table: str, keys: pd.DataFrame | Sequence[Any]) -> np.ndarray:
        """Return the row position of each key: [n], int64, -1 where it is absent.

        Args:
            keys: a frame with the table's primary key columns, or values of a single one.
        Raises: SchemaError: the table has no primary key, or `keys` lacks one of its columns.
        """
        schema = self.schema.table(table)
        if not schema.pkey or schema.row_col is None:
            raise SchemaError(f"table {table!r} has no primary key; state `pkey` in the manifest")
        wanted = keys if isinstance(keys, pd.DataFrame) else pd.DataFrame({schema.pkey[0]: keys})
        if absent := [c for c in schema.pkey if c not in wanted]:
            raise SchemaError(f"keys of {table!r} lack {absent}; expected {list(schema.pkey)}")
        with self.connect() as connection:
            return _positions(connection, schema, wanted[list(schema.pkey)])

    def upto(self, time: str | int) -> Database:
        """Return this database without the rows later than `time` (inclusive, rounded down).

        Rows of static tables stay. Row positions keep their values; a foreign key whose parent is
        gone becomes null.
        """
        until = times.instant(time)
        earlier = until if self.until is None else min(until, self.until)
        return dataclasses.replace(self, until=earlier)

    def validate(self) -> None:
        """Check the files against the schema.

        Raises: CacheError: a file is absent or damaged, a row position, time order or foreign key
            is not what the schema promises.
        """
        with duck.connect() as connection:
            for table in self.schema.tables.values():
                try:
                    rows = duck.parquet([self.path(table.name)])
                    broken = _broken(connection, self.schema, table, rows)
                except duckdb.Error as error:
                    broken = str(error).splitlines()[0]
                if broken:
                    raise CacheError(
                        f"database {str(self.folder)!r}, table {table.name!r}: {broken}"
                    )

    @contextlib.contextmanager
    def _reading(self, table: str) -> Iterator[Path]:
        """Yield a table's file. Raises: CacheError: it was whole when the database was opened, and
        is no longer.
        """
        file = self.path(table)
        try:
            yield file
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            reason = " ".join(str(error).split())
            raise CacheError(
                f"{file}: gone or damaged since the database was opened ({reason}); open it again"
            ) from None

    def _select(self, connection: duckdb.DuckDBPyConnection, table: TableSchema) -> str:
        """Return the query behind the view of `table`."""
        source = duck.parquet([self.path(table.name)])
        if self.until is None:
            return f"SELECT * FROM {source}"
        replaced = []
        for fkey in table.fkeys:
            position = identifier(fkey.row_col)
            present = self._present(connection, self.schema.table(fkey.parent), position)
            replaced.append(f"CASE WHEN {present} THEN {position} END AS {position}")
        columns = f"* REPLACE ({', '.join(replaced)})" if replaced else "*"
        return f"SELECT {columns} FROM {source} WHERE {self._visible(table)}"

    def _visible(self, table: TableSchema) -> str:
        """Return the condition that a row of `table` is not later than `until`."""
        if table.time_col is None:
            return "TRUE"
        time = identifier(table.time_col)
        visible = f"{time} <= make_timestamp({(self.until or 0) * 10**6}::BIGINT)"
        return f"({visible} OR {time} IS NULL)" if table.null_times == "visible" else visible

    def _present(
        self, connection: duckdb.DuckDBPyConnection, parent: TableSchema, position: str
    ) -> str:
        """Return the condition that the parent row at `position` is visible: a prefix of the rows,
        and those without a time, which come last, where null times are visible.
        """
        if parent.time_col is None:
            return "TRUE"
        time, rows = identifier(parent.time_col), duck.parquet([self.path(parent.name)])
        counted = f"SELECT count(*), count({time}) FROM {rows} WHERE {self._visible(parent)}"
        visible, timed = connection.execute(counted).fetchone() or (0, 0)
        early = f"{position} < {timed}"
        static = visible - timed
        return f"({early} OR {position} >= {parent.num_rows - static})" if static else early


def _positions(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, wanted: pd.DataFrame
) -> np.ndarray:
    """Look up `wanted` keys in the view of `table`."""
    connection.register("wanted keys", pa.Table.from_pandas(wanted, preserve_index=False))
    kinds = duck.described(connection, identifier(table.name))
    matches = " AND ".join(
        f"TRY_CAST(k.{identifier(c)} AS {kinds[c]}) = t.{identifier(c)}" for c in table.pkey
    )
    found = connection.execute(
        f"SELECT coalesce(t.{identifier(str(table.row_col))}, -1) AS position "
        f'FROM (SELECT *, row_number() OVER () AS {_ROW} FROM "wanted keys") k '
        f"LEFT JOIN {identifier(table.name)} t ON {matches} ORDER BY k.{_ROW}"
    )
    return found.fetchnumpy()["position"].astype(np.int64)


def _broken(
    connection: duckdb.DuckDBPyConnection, schema: Schema, table: TableSchema, rows: str
) -> str:
    """Return what is wrong with the rows of `table`, or ''."""
    checks = {
        f"holds a number of rows other than {table.num_rows}": f"count(*) != {table.num_rows}"
    }
    if table.row_col:
        position = identifier(table.row_col)
        checks["row positions are not 0..n-1"] = f"bool_or({position} IS DISTINCT FROM {_ROW})"
    if table.time_col:
        checks["rows are not in order of time"] = f"bool_or({_TIME} < {_EARLIER})"
    for fkey in table.fkeys:
        column, parents = identifier(fkey.row_col), schema.table(fkey.parent).num_rows
        checks[f"{fkey.name} leaves its parent"] = (
            f"bool_or({column} NOT BETWEEN 0 AND {parents - 1})"
        )
    time = identifier(table.time_col) if table.time_col else "NULL"
    numbered = f"SELECT *, {time} AS {_TIME}, row_number() OVER () - 1 AS {_ROW} FROM {rows}"
    ordered = f"SELECT *, lag({_TIME}) OVER () AS {_EARLIER} FROM ({numbered})"
    found = connection.execute(f"SELECT {', '.join(checks.values())} FROM ({ordered})").fetchone()
    return "; ".join(message for message, wrong in zip(checks, found or ()) if wrong)
