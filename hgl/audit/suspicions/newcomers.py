"""Entities asked about before anything is known of them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pandas as pd

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import ASKED, by_split, some
from hgl.audit.suspicions.shown import children, count, mentions
from hgl.db.duck import identifier
from hgl.results.finding import Finding
from hgl.tasks import population

SHARE = 0.01
"""Of the label rows that may be about newcomers without a word."""


def newcomers(case: Case) -> Iterator[Finding]:
    """Flag label rows about rows that are not there yet, or that nothing mentions yet."""
    if case.task.autocomplete:
        return
    timed = case.db.schema.table(case.task.entity_table).time_col is not None
    related = list(children(case, case.task.entity_table))
    with case.db.connect() as connection:
        for split, rows in by_split(case).items():
            chosen = some(rows[rows["entity"] >= 0])
            if timed:
                yield from _unborn(case, split, chosen)
            elif related:
                connection.register(ASKED, chosen[["entity", "time"]])
                yield from _unmentioned(connection, split, mentions(related), len(chosen))


def _unborn(case: Case, split: str, rows: pd.DataFrame) -> Iterator[Finding]:
    known = population.known_from(case.task, case.db)[rows["entity"].to_numpy()]
    late = int((known > rows["time"]).sum())
    if late:
        yield Finding(
            check="newcomer",
            severity="suspicion",
            place=f"{split} labels",
            evidence=f"{late} of {len(rows)} labels are about rows of {case.task.entity_table} "
            "that are later than the seed",
            remedy="ask only about rows that are known by the seed time",
        )


def _unmentioned(
    connection: duckdb.DuckDBPyConnection, split: str, known: str, asked: int
) -> Iterator[Finding]:
    late = count(
        connection,
        f"SELECT count(*) FROM {identifier(ASKED)} a LEFT JOIN "
        f"(SELECT entity, min(known) AS first FROM ({known}) GROUP BY 1) m "
        "ON m.entity = a.entity WHERE m.first IS NULL OR m.first > a.time",
    )
    if late > SHARE * asked:
        yield Finding(
            check="newcomer",
            severity="suspicion",
            place=f"{split} labels",
            evidence=f"{late} of {asked} labels are about entities that no row mentions by the "
            "seed time: that they are asked about tells that they will come",
            remedy="choose whom to ask from rows no later than the seed",
        )
