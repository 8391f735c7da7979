"""Label SQL: refused, or the answer that a loop over the rows gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hgl.errors import TaskError
from hgl.tasks import query
from hgl.tasks.check import check
from tests.fuzz import shop
from tests.fuzz.cases import fuzz, outcome
from tests.fuzz.hostile import NAMES, damaged, plain

SEEDS = pd.to_datetime(["2020-02-10", "2020-03-01"])
DAY = 86400
VALID = """SELECT t.timestamp, u.user_id, COUNT(p.pid) > 0 AS y FROM timestamps t
CROSS JOIN users u LEFT JOIN purchases p ON p.user_id = u.user_id AND p.at > t.timestamp
AND p.at <= t.timestamp + INTERVAL '{timedelta}' GROUP BY ALL"""
KEYWORDS = """
SELECT FROM WHERE GROUP BY ALL ORDER WITH RECURSIVE AS UNION JOIN ON LATERAL PIVOT COPY TO ATTACH
DETACH INSTALL LOAD SET RESET PRAGMA CALL EXPORT IMPORT USE CREATE DROP INSERT INTO UPDATE DELETE
VALUES TABLE VIEW EXPLAIN DESCRIBE SHOW SUMMARIZE CASE NULL INTERVAL users purchases timestamps
user_id at timestamp sqlite_master duckdb_settings read_csv read_text read_parquet glob getenv
query range unnest count random httpfs ( ) , ; * . :: -> = ' " ` $$ -- /* */ \\ '/etc/passwd'
'x.csv' '{timedelta}' {timedelta} 1 1e400 [ ] { } ? $1 :a @ # E'\\'' x'00'
"""
WORDS = [*KEYWORDS.split(), "\n"]
STATEMENTS = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
TEXTS = (
    STATEMENTS
    | damaged(VALID.encode()).map(lambda content: content.decode(errors="surrogateescape"))
    | st.text(max_size=40)
    | st.builds(lambda a, b: f"{VALID} {a} {b}", st.sampled_from(WORDS), STATEMENTS)
    | st.sampled_from(NAMES).map(lambda name: f"SELECT * FROM {name}")
)
_TREES = ("COPY", "ATTACH", "INSTALL", "LOAD", "PRAGMA", "SET", "CREATE", "DROP", "INSERT", "CALL")


@fuzz(0.8)
@given(sql=TEXTS)
def test_any_text_is_one_select_or_refused(sql: str) -> None:
    found = outcome(lambda: check(sql, ["users", "purchases"], "task 'x', sql"))
    if not isinstance(found, TaskError):
        assert sql.lstrip("( \t\n\r;").upper().split()[0] not in _TREES


def _run(sql: str) -> pa.Table | Exception:
    return outcome(
        lambda: query.run(
            shop.database(),
            sql,
            SEEDS.astype("datetime64[s]").astype(np.int64).to_numpy(),
            timedelta=20 * DAY,
            upto=None,
            where="task 'x', sql",
        )
    )


@fuzz(0.1)
@given(sql=damaged(VALID.encode()).map(lambda content: content.decode(errors="replace")))
def test_what_passes_runs_or_fails_in_few_lines(sql: str) -> None:
    assert isinstance(_run(sql), pa.Table | TaskError)


AGGREGATES = {
    "COUNT(p.pid)": lambda rows: len(rows),
    "COALESCE(SUM(p.amount), 0)": lambda rows: float(np.nansum(rows.amount)),
    "COALESCE(MAX(p.amount), -99)": lambda rows: max(rows.amount.dropna(), default=-99),
    "COUNT(DISTINCT p.amount)": lambda rows: rows.amount.nunique(),
    "COALESCE(MIN(p.pid), -1)": lambda rows: min(rows.pid, default=-1),
}


@fuzz(0.1)
@given(
    aggregate=st.sampled_from(sorted(AGGREGATES)),
    least=st.none() | st.integers(-8, 8),
    title=st.sampled_from(NAMES) | st.text(plain, min_size=1, max_size=8),
    days=st.integers(1, 40),
)
def test_answers_are_those_of_a_loop(
    aggregate: str, least: int | None, title: str, days: int
) -> None:
    quoted = '"' + title.replace('"', '""') + '"'
    condition = "TRUE" if least is None else f"p.amount >= {least}"
    found = _run(
        f"SELECT t.timestamp, u.user_id, {aggregate} AS {quoted} FROM timestamps t\n"
        "CROSS JOIN users u LEFT JOIN purchases p ON p.user_id = u.user_id /* ; -- */\n"
        f"AND p.at > t.timestamp AND p.at <= t.timestamp + INTERVAL '{days} days'\n"
        f"AND {condition} GROUP BY t.timestamp, u.user_id -- '"
    )
    if "{timedelta}" in title:
        return
    assert isinstance(found, pa.Table), found
    answers = {(t, u): y for t, u, y in zip(*(c.to_pylist() for c in found.columns), strict=True)}
    assert answers == {
        (seed.to_pydatetime(), user): AGGREGATES[aggregate](_window(seed, user, days, least))
        for seed in SEEDS
        for user in shop.USERS.user_id
    }


def _window(seed: pd.Timestamp, user: int, days: int, least: int | None) -> pd.DataFrame:
    rows = shop.PURCHASES
    inside = (rows.user_id == user) & (rows["at"] > seed)
    inside &= rows["at"] <= seed + pd.Timedelta(days=days)
    return rows[inside & ((rows.amount >= least) if least is not None else True)]
