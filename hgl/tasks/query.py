"""Run a task's SQL in DuckDB, on a connection that reaches the database's files only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.db.duck import literal
from hgl.errors import TaskError
from hgl.tasks.check import check

if TYPE_CHECKING:
    from hgl.db.database import Database

SEEDS = "timestamps"
"""Name of the relation of seed times, with the one column `timestamp`."""
_BIND = "EXPLAIN "


def run(
    db: Database,
    sql: str,
    seeds: np.ndarray,
    *,
    timedelta: int,
    upto: int | None,
    where: str,
) -> pa.Table:
    """Return the rows of `sql`, in no particular order.

    Args:
        sql: one SELECT; `{timedelta}` becomes text such as `7 days 00:00:00`.
        seeds: seed times in seconds, the content of `timestamps`.
        upto: tables show rows no later than this (seconds); None shows all.
        where: what the SQL belongs to, for messages.

    Raises: TaskError: the SQL is refused (see `check`) or fails; the message is DuckDB's.
    """
    with _bound(db, sql, seeds, timedelta=timedelta, upto=upto, where=where) as relation:
        return relation.to_arrow_table()


def columns(db: Database, sql: str, *, timedelta: int, where: str) -> list[str]:
    """Return the names of the columns of `sql` without running it.

    Raises: TaskError: the SQL is refused, or names what the database does not have.
    """
    none = np.array([], dtype=np.int64)
    with _bound(db, sql, none, timedelta=timedelta, upto=None, where=where) as relation:
        return relation.columns


@contextlib.contextmanager
def _bound(
    db: Database, sql: str, seeds: np.ndarray, *, timedelta: int, upto: int | None, where: str
) -> Iterator[duckdb.DuckDBPyRelation]:
    """Check `sql` and bind its names; what it raises when it is then run is a TaskError too."""
    if SEEDS in db.schema.tables:
        raise TaskError(f"{where}: a table is called {SEEDS!r}, the name of the seed times")
    check(sql, db.schema.tables, where)
    text = sql.replace("{timedelta}", str(pd.Timedelta(seconds=timedelta)))
    seen = db if upto is None else db.upto(upto)
    with seen.connect() as connection:
        stamps = pd.DataFrame({"timestamp": seeds.astype("datetime64[s]").astype("datetime64[us]")})
        connection.register("_seeds", stamps)
        connection.execute(f"CREATE TEMP TABLE {SEEDS} AS SELECT * FROM _seeds")
        _lock(connection, db)
        try:
            connection.execute(_BIND + text)  # its errors mark the place, those of `sql` do not
            yield connection.sql(text)
        except duckdb.Error as error:
            raise TaskError(f"{where}: {_trimmed(error)}") from None


def _lock(connection: duckdb.DuckDBPyConnection, db: Database) -> None:
    """Leave the SQL no file but the database's own, no network and no settings."""
    folder = next(db.path(name).parent for name in db.schema.tables)
    connection.execute(f"SET allowed_directories = [{literal(folder)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _trimmed(error: duckdb.Error) -> str:
    """Return what is wrong and the marked line, without DuckDB's long lists of candidates."""
    said, _, place = str(error).strip().partition("\nLINE ")
    head = "\n".join(said.strip().splitlines()[:2])
    if place.startswith(f"1: {_BIND}"):
        line, _, mark = place.partition("\n")
        place = f"1: {line.removeprefix(f'1: {_BIND}')}\n{mark[len(_BIND) :]}"
    return f"{head}\nLINE {place}" if place else head
