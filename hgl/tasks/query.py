"""Run a task's SQL in DuckDB, on a connection that reaches the database's files only."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.db.duck import deadline, literal
from hgl.errors import ConfigError, TaskError
from hgl.tasks.check import check

if TYPE_CHECKING:
    from hgl.db.database import Database

SEEDS = "timestamps"
"""Name of the relation of seed times, with the one column `timestamp`."""
_BIND = "EXPLAIN "
_SELECTS = (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI)
"""What DuckDB itself must call the statement; `FROM (PIVOT …)` is several to it."""
_SECONDS = 3600.0
"""Limit where `HGL_SQL_SECONDS` states none."""


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
        limit = _seconds()
        try:
            with deadline(connection, limit):
                _check_kind(connection, text, where)
                connection.execute(_BIND + text)  # its errors mark the place, those of `sql` do not
                yield connection.sql(text)
        except TimeoutError:
            raise TaskError(
                f"{where}: not done within {limit:g} s; expected SQL that ends, or a longer limit "
                "in HGL_SQL_SECONDS"
            ) from None
        except (duckdb.Error, MemoryError) as error:
            raise TaskError(f"{where}: {_trimmed(error)}") from None


def _seconds() -> float:
    """Return the seconds that a query may take. Raises: ConfigError: it states no such number."""
    stated = os.environ.get("HGL_SQL_SECONDS", "")
    try:
        if (seconds := float(stated or _SECONDS)) > 0:
            return min(seconds, threading.TIMEOUT_MAX)
    except ValueError:
        pass
    raise ConfigError(f"HGL_SQL_SECONDS={stated!r}: expected seconds, more than zero")


def _check_kind(connection: duckdb.DuckDBPyConnection, text: str, where: str) -> None:
    """Refuse what DuckDB's own parser reads otherwise than the one behind `check`."""
    kinds = [statement.type for statement in connection.extract_statements(text)]
    if len(kinds) != 1 or kinds[0] not in _SELECTS:
        named = ", ".join(kind.name for kind in kinds)
        raise TaskError(f"{where}: DuckDB reads {named or 'nothing'}; expected one SELECT")


def _lock(connection: duckdb.DuckDBPyConnection, db: Database) -> None:
    """Leave the SQL no file but the database's own, no network and no settings."""
    folder = next(db.path(name).parent for name in db.schema.tables)
    connection.execute(f"SET allowed_directories = [{literal(folder)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _trimmed(error: Exception) -> str:
    """Return what is wrong and the marked line, without DuckDB's long lists of candidates."""
    said, _, place = str(error).strip().partition("\nLINE ")
    head = "\n".join(said.strip().splitlines()[:2])
    if place.startswith(f"1: {_BIND}"):
        line, _, mark = place.partition("\n")
        place = f"1: {line.removeprefix(f'1: {_BIND}')}\n{mark[len(_BIND) :]}"
    return f"{head}\nLINE {place}" if place else head
