"""Label SQL that would do anything but select is refused, and the message shows where."""

from __future__ import annotations

import pytest

from hgl.errors import TaskError
from hgl.tasks.check import check

TABLES = ["users", "purchases", "Order Details"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT timestamp FROM timestamps",
        "FROM users SELECT user_id",
        "WITH a AS (SELECT * FROM USERS) SELECT * FROM a, timestamps t, range(3) r",
        "(SELECT 1 FROM users) UNION ALL (SELECT 2 FROM purchases)",
        'SELECT * FROM "Order Details" d, unnest([1, 2]) u(x)',
        "SELECT t.timestamp + INTERVAL '{timedelta}' FROM timestamps t;",
        "SELECT u.* EXCLUDE (age), COUNT(*) FILTER (WHERE x > 1) FROM users u ASOF JOIN purchases p"
        " ON u.user_id = p.user_id AND u.joined >= p.at GROUP BY ALL QUALIFY rank() OVER () = 1",
    ],
)
def test_selects_pass(sql: str) -> None:
    check(sql, TABLES, "task 'x', sql")


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE users",
        "SELECT 1 FROM users; DROP TABLE users",
        "INSERT INTO users VALUES (1)",
        "DELETE FROM users",
        "UPDATE users SET age = 1",
        "CREATE TABLE x AS SELECT * FROM users",
        "COPY (SELECT * FROM users) TO 'stolen.csv'",
        "ATTACH 'other.db'",
        "PRAGMA database_list",
        "SET memory_limit = '1GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "EXPLAIN SELECT 1",
        "EXPORT DATABASE 'folder'",
        "WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x",
        "SELECT * INTO copy FROM users",
        "VALUES (1)",
        "",
        "-- nothing",
        "SELECT 1 FROM",
        "SELECT 'open",
    ],
)
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(TaskError, match="task 'x', sql"):
        check(sql, TABLES, "task 'x', sql")


@pytest.mark.parametrize(
    "name",
    [
        "read_csv('a.csv')",
        "read_csv_auto('a.csv')",
        "read_parquet('a.parquet')",
        "read_json('a.json')",
        "read_text('/etc/passwd')",
        "read_blob('/etc/passwd')",
        "parquet_scan('a.parquet')",
        "glob('*')",
        "sniff_csv('a.csv')",
        "query('SELECT 1')",
        "query_table('users')",
        "duckdb_settings()",
        "duckdb_secrets()",
        "pragma_table_info('users')",
        "sqlite_scan('a.db', 'users')",
    ],
)
def test_table_functions_that_reach_out_are_refused(name: str) -> None:
    with pytest.raises(TaskError, match=r"not allowed|may reach|not found"):
        check(f"SELECT * FROM {name}", TABLES, "task 'x', sql")


@pytest.mark.parametrize(
    "name",
    [
        "getenv('HOME')",
        "\"getenv\" ('HOME')",
        "main.getenv('HOME')",
        "('HOME').getenv()",
        "list_transform([1], lambda x: getenv('HOME'))",
        "current_setting('threads')",
        "read_text('a')",
    ],
)
def test_functions_that_reach_out_are_refused(name: str) -> None:
    with pytest.raises(TaskError, match="may reach files, settings or the network"):
        check(f"SELECT {name} FROM users", TABLES, "task 'x', sql")


@pytest.mark.parametrize(
    "name", ["random()", "now()", "current_date", "current_timestamp", "uuid()"]
)
def test_functions_that_change_at_each_run_are_refused(name: str) -> None:
    with pytest.raises(TaskError, match="other labels at each run"):
        check(f"SELECT {name} AS x FROM users", TABLES, "task 'x', sql")


@pytest.mark.parametrize(
    "table", ["buyers", "'file.csv'", '"file.parquet"', "information_schema.tables", "main.users"]
)
def test_unknown_tables_are_refused(table: str) -> None:
    with pytest.raises(TaskError, match="not found; tables are: order details, purchases"):
        check(f"SELECT * FROM {table}", TABLES, "task 'x', sql")


@pytest.mark.parametrize("clause", ["TABLESAMPLE 10%", "USING SAMPLE 3"])
def test_samples_are_refused(clause: str) -> None:
    with pytest.raises(TaskError, match="a sample gives other labels"):
        check(f"SELECT * FROM users {clause}", TABLES, "task 'x', sql")


def test_the_message_points_at_the_offending_part() -> None:
    sql = "SELECT *\nFROM timestamps t\nJOIN buyers b ON b.user_id = t.user_id"
    with pytest.raises(TaskError) as raised:
        check(sql, TABLES, "task 'x', sql")
    first, line, mark = str(raised.value).split("\n")
    assert first.startswith("task 'x', sql, line 3, column 6: table 'buyers' not found")
    assert line[mark.index("^") : mark.rindex("^") + 1] == "buyers"


def test_a_syntax_error_is_shown_in_its_line() -> None:
    with pytest.raises(TaskError) as raised:
        check("SELECT *\nFROM users WHERE WHERE", TABLES, "task 'x', sql")
    assert "line 2" in str(raised.value)
    assert "FROM users WHERE WHERE\n" in str(raised.value)


def test_an_unquoted_timedelta_is_explained() -> None:
    with pytest.raises(TaskError, match=r"write INTERVAL '\{timedelta\}', with quotes"):
        check("SELECT timestamp + INTERVAL {timedelta} FROM timestamps", TABLES, "task 'x', sql")
