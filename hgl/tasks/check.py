"""Label SQL is checked before it runs: one SELECT over known tables, and nothing else.

Columns and types are checked by DuckDB's own binder (`EXPLAIN`), which knows them best; this file
sees to what a binder lets through. The connection is locked besides: see `hgl.tasks.query`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from hgl.errors import TaskError

_STARTS = {TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.L_PAREN}
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)
_FORBIDDEN = (exp.DML, exp.DDL, exp.Command, exp.Describe, exp.Into)
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest"}
_REACHES_OUT = re.compile(
    r"(read|parquet|duckdb|pragma|sniff|sqlite|postgres|mysql|http|iceberg|delta|arrow|st_read)_.*"
    r"|glob|query|query_table|getenv|getvariable|current_setting|which_secret|.*_scan"
)
_CHANGES = re.compile(
    r"random|setseed|(gen_random_)?uuid(v4|v7)?|sleep_ms|write_log|nextval|currval|setval"
    r"|now|today|transaction_timestamp|txid_current|(get_)?current_(date|time|timestamp)"
    r"|(current_)?local(time|timestamp)|current_(connection|query|transaction)_id|current_query"
)
_UNTEXT = re.compile("[\0\ud800-\udfff]")
"""A zero byte, which ends text in C, and halves of characters, which no encoding has."""
_LONGEST = 100_000
"""Characters of one query."""


def check(sql: str, tables: Collection[str], where: str) -> None:
    """Refuse label SQL that is not one harmless SELECT.

    Args:
        sql: the query, `{timedelta}` not yet replaced.
        tables: names that may stand in FROM; compared without case, as DuckDB does.
        where: what the SQL belongs to, for messages.

    Raises: TaskError: the message shows the offending line with a mark under the offending part.
    """
    try:
        _check_tree(_parse(sql, where), sql, tables, where)
    except RecursionError:
        raise TaskError(f"{where}: nested too deeply; expected a SELECT of fewer levels") from None


def _check_tree(tree: exp.Expr, sql: str, tables: Collection[str], where: str) -> None:
    for node in tree.find_all(*_FORBIDDEN):
        if node is not tree or not isinstance(node, _QUERIES):
            _refuse(sql, node, where, "only SELECT is allowed")
    known = {name.lower() for name in tables} | {"timestamps"}
    known |= {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        _check_table(sql, table, known, where)
    for function in tree.find_all(exp.Func):
        _check_function(sql, function, where)
    for sample in tree.find_all(exp.TableSample):
        _refuse(sql, sample, where, "a sample gives other labels at each run")


def _parse(sql: str, where: str) -> exp.Expr:
    if len(sql) > _LONGEST:
        raise TaskError(f"{where}: {len(sql)} characters; expected at most {_LONGEST}")
    if found := _UNTEXT.search(sql):
        raise TaskError(f"{where}: holds {found.group()!r}; expected text without such characters")
    try:
        tokens = sqlglot.tokenize(sql, dialect="duckdb")
        if not tokens:
            raise TaskError(f"{where}: empty; expected a SELECT")
        if tokens[0].token_type not in _STARTS:
            raise TaskError(_shown(sql, tokens[0].start, tokens[0].end, where, "expected a SELECT"))
        for before, token in itertools.pairwise(tokens):
            if before.token_type is TokenType.L_BRACE and token.text == "timedelta":
                hint = "write INTERVAL '{timedelta}', with quotes"
                raise TaskError(_shown(sql, before.start, token.end + 1, where, hint))
        trees = sqlglot.parse(sql, dialect="duckdb")
    except SqlglotError as error:
        raise TaskError(_syntax_error(sql, error, where)) from None
    statements = [tree for tree in trees if tree is not None]
    if len(statements) != 1:
        raise TaskError(f"{where}: {len(statements)} statements; expected one SELECT")
    if not isinstance(statements[0], _QUERIES):
        raise TaskError(f"{where}: {type(statements[0]).__name__.upper()}; expected one SELECT")
    return statements[0]


def _check_table(sql: str, table: exp.Table, known: set[str], where: str) -> None:
    if isinstance(table.this, exp.Func):
        name = _name(sql, table.this)
        if name not in _TABLE_FUNCTIONS:
            allowed = ", ".join(sorted(_TABLE_FUNCTIONS))
            _refuse(sql, table.this, where, f"function {name} is not allowed here, only {allowed}")
    elif table.db or table.name.lower() not in known:
        named = f"{table.db}.{table.name}" if table.db else table.name
        _refuse(sql, table, where, f"table {named!r} not found; tables are: {_listed(known)}")


def _check_function(sql: str, function: exp.Func, where: str) -> None:
    name = _name(sql, function)
    if _REACHES_OUT.fullmatch(name):
        _refuse(sql, function, where, f"function {name} may reach files, settings or the network")
    if _CHANGES.fullmatch(name) or (name == "age" and _arguments(function) == 1):
        _refuse(sql, function, where, f"function {name} gives other labels at each run")


def _arguments(function: exp.Func) -> int:
    return sum(1 for _ in function.iter_expressions())


def _name(sql: str, function: exp.Func) -> str:
    """Return the function's name as written, for sqlglot renames some."""
    if "start" in function.meta:
        written = sql[function.meta["start"] : function.meta["end"] + 1]
    else:
        written = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    return written.strip('"').lower()


def _refuse(sql: str, node: exp.Expr, where: str, reason: str) -> None:
    """Raise at the first part of `node` whose place in the text is known."""
    for part in node.walk():
        if "start" in part.meta:
            raise TaskError(_shown(sql, part.meta["start"], part.meta["end"], where, reason))
    raise TaskError(f"{where}: {reason}: {node.sql(dialect='duckdb')}")


def _syntax_error(sql: str, error: SqlglotError, where: str) -> str:
    found = getattr(error, "errors", None)
    if not found:
        return f"{where}: {error}"
    first = found[0]
    reason = first["description"].split(" <Token")[0]
    start = sum(len(line) + 1 for line in sql.split("\n")[: first["line"] - 1]) + first["col"]
    return _shown(sql, start - len(first["highlight"] or " "), start - 1, where, reason)


def _shown(sql: str, start: int, end: int, where: str, reason: str) -> str:
    """Return the message with the line that holds `start` and a mark under start to end."""
    line = sql.count("\n", 0, start) + 1
    column = start - (sql.rfind("\n", 0, start) + 1)
    text = sql.split("\n")[line - 1]
    mark = "^" * max(1, min(end - start + 1, len(text) - column))
    return f"{where}, line {line}, column {column + 1}: {reason}\n  {text}\n  {' ' * column}{mark}"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
