"""Label SQL runs locked in, for so long and no longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from hgl.db.database import Database
from hgl.errors import ConfigError, TaskError
from hgl.tasks import query
from hgl.tasks.check import check
from hgl.tasks.task import Task

HARMLESS = {
    *("error", "stats", "vector_type", "current_schema", "current_database", "current_schemas"),
    "in_search_path",
}
"""What DuckDB calls volatile, and gives the same at each run of a query over the same tables."""
SELECT = "SELECT timestamp, user_id, {} AS buys FROM timestamps, users"


def _run(db: Database, sql: str) -> None:
    query.run(db, sql, np.array([0]), timedelta=1, upto=None, where="task 'x', sql")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r",
        "SELECT count(*) FROM range(1000000000000)",
        "SELECT sum(a.range) FROM range(1000000) a, range(1000000) b",
    ],
)
def test_sql_without_an_end_is_stopped(
    shop: Database, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HGL_SQL_SECONDS", "0.5")
    with pytest.raises(TaskError, match=r"sql: not done within 0\.5 s; expected SQL that ends"):
        _run(shop, sql)
    monkeypatch.setenv("HGL_SQL_SECONDS", "60")
    _run(shop, "SELECT 1")


@pytest.mark.parametrize("stated", ["soon", "0", "-1", "nan"])
def test_a_limit_that_is_none(shop: Database, stated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HGL_SQL_SECONDS", stated)
    with pytest.raises(ConfigError, match=f"HGL_SQL_SECONDS='{stated}': expected seconds"):
        _run(shop, "SELECT 1")


def test_sql_that_wants_too_much_memory_is_refused(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hgl.db.duck._SHARE", "50MB")
    with pytest.raises(TaskError, match="Out of Memory"):
        _run(shop, "SELECT list(range) FROM range(100000000)")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY users TO 'planted'",
        "CREATE TABLE planted AS SELECT 1",
        "ATTACH 'planted' AS x",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT content FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "SELECT getenv('HOME')",
        "SELECT * FROM query('COPY users TO ''planted''')",
        "WITH x AS (INSERT INTO users VALUES (1) RETURNING *) SELECT * FROM x",
        "SELECT 1; COPY users TO 'planted'",
        "SELECT '\ud800'",
        "SELECT 1 -- \0; COPY users TO 'planted'",
        "SELECT $1",
        "(" * 2000 + "SELECT 1" + ")" * 2000,
        "SELECT " + "NOT " * 3000 + "true",
        "SELECT " + "1," * 60_000 + "1",
    ],
)
@pytest.mark.parametrize("field", ["sql", "entity_sql"])
def test_hostile_sql_is_refused_without_effect(
    shop: Database,
    variant: Callable[..., Task],
    sql: str,
    field: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    task = variant(**{field: sql})
    with pytest.raises(TaskError) as raised:
        task.seeds(shop, "val") if field == "sql" else task.seeds_at(shop, "2020-03-01")
    assert len(str(raised.value).splitlines()) <= 5
    assert not [*tmp_path.iterdir()]


def test_the_connection_itself_is_locked(shop: Database) -> None:
    with shop.connect() as connection:
        query._lock(connection, shop)
        for sql in (
            "FROM read_text('/etc/passwd')",
            "COPY (SELECT 1) TO '/tmp/planted'",
            "ATTACH '/tmp/planted.db'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET memory_limit = '1TB'",
            "SET allowed_directories = ['/']",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)


def test_duckdbs_own_parser_has_a_say(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "check", lambda *_: None)
    for sql in ("SELECT 1; SELECT 2", "CREATE TABLE x (i int)", "COPY users TO 'x'", ""):
        with pytest.raises(TaskError, match=r"DuckDB reads .*; expected one SELECT"):
            _run(shop, sql)


def test_every_function_that_changes_is_refused() -> None:
    listed = (
        "SELECT DISTINCT function_name, len(parameters) FROM duckdb_functions() "
        "WHERE function_type = 'scalar' AND stability != 'CONSISTENT'"
    )
    with duckdb.connect() as connection:
        found = connection.sql(listed).fetchall()
    for name, arguments in found:
        if name not in HARMLESS:
            with pytest.raises(TaskError, match=r"other labels at each run|may reach"):
                check(SELECT.format(f"{name}({', '.join('1' * arguments)})"), ["users"], "sql")
    check(SELECT.format("age(a, b)"), ["users"], "sql")
    with pytest.raises(TaskError, match="other labels at each run"):
        check(SELECT.format("age(a)"), ["users"], "sql")
