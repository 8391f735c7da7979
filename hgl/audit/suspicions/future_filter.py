"""Whom a task asks about: chosen from rows no later than the seed, or by what they will do.

A filter such as "active" that has no upper bound keeps only entities that will be there. Scores on
them are of another question than the one that is asked in use.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import ASKED, by_split, some
from hgl.audit.suspicions.shown import children, mentions
from hgl.db.duck import identifier
from hgl.errors import TaskError
from hgl.results.finding import Finding, Severity
from hgl.tasks import population, query

SEED_TIMES = 5
"""Seed times looked at, spread evenly."""
SHARE = 0.01
"""Of the entities that may differ without a word."""
ALWAYS, OFTEN = 0.99, 0.9
"""Share of asked entities that act within the window, and of recent ones, that together tell."""
RECENT = 6
"""Horizons before the seed in which an entity was active, to be a recent one."""
_ACTS, _STAMPS = map(identifier, ("hgl:acts", "hgl:stamps"))


def future_filter(case: Case) -> Iterator[Finding]:
    """Flag tasks whose choice of entities changes when the future is hidden."""
    labelled = by_split(case)
    if case.task.autocomplete or not labelled:
        return
    rows = pd.concat(labelled.values(), ignore_index=True)
    grid = np.unique(rows["time"])
    chosen = grid[np.linspace(0, len(grid) - 1, min(SEED_TIMES, len(grid))).astype(int)]
    if case.task.sql:
        yield from _by_sql(case, rows, chosen)
    else:
        yield from _by_rows(case, rows, grid)


def _by_sql(case: Case, rows: pd.DataFrame, seed_times: np.ndarray) -> Iterator[Finding]:
    asked = gone = new = 0
    for at in seed_times.tolist():
        labelled = set(rows.loc[rows["time"] == at, "entity"])
        known = _eligible(case, at)
        asked += len(labelled | known)
        gone += len(labelled - known)
        new += len(known - labelled)
    if gone + new > SHARE * asked:
        chooser = "entity_sql" if case.task.entity_sql else "the label sql"
        yield _finding(
            case,
            f"at {len(seed_times)} seed times, with later rows hidden, {chooser} selects {new} of "
            f"{asked} entities that have no label and misses {gone} that have one",
        )


def _eligible(case: Case, at: int) -> set[int]:
    """Rows that the task selects at `at` when nothing later is there."""
    task = case.task
    try:
        if task.entity_sql:
            return set(population.eligible(task, case.db, at).tolist())
        seeds = np.array([at], dtype=np.int64)
        found = query.run(
            case.db, str(task.sql), seeds, timedelta=task.timedelta, upto=at, where=str(task)
        ).to_pandas()
    except TaskError:  # nobody is eligible
        return set()
    return set(population.row_positions(task, case.db, found).tolist())


def _by_rows(case: Case, rows: pd.DataFrame, grid: np.ndarray) -> Iterator[Finding]:
    """Labels from files: do all who are asked act within the window, though not all do?"""
    related = list(children(case, case.task.entity_table))
    if not related:
        return
    horizon = case.task.timedelta
    with case.db.connect() as connection:
        connection.execute(f"CREATE TEMP TABLE {_ACTS} AS {mentions(related)}")
        connection.register(ASKED, some(rows)[["entity", "time"]])
        asked, act = _acting(connection, identifier(ASKED), horizon)
        stamps = pd.DataFrame({"time": grid[:: max(1, len(grid) // 50)]})
        connection.register("hgl:stamps", stamps)
        recent = (
            f"(SELECT DISTINCT m.entity, s.time FROM {_STAMPS} s JOIN {_ACTS} m "
            f"ON m.known > s.time - {RECENT * horizon} AND m.known <= s.time)"
        )
        known, known_act = _acting(connection, recent, horizon)
    if asked and known and act >= ALWAYS * asked and known_act < OFTEN * known:
        days = RECENT * horizon / 86400
        yield _finding(
            case,
            f"{act} of {asked} entities asked about have a row in the label's window, but only "
            f"{100 * known_act / known:.0f} % of those with a row in the {days:g} days before do",
        )


def _acting(connection: duckdb.DuckDBPyConnection, asked: str, horizon: int) -> tuple[int, int]:
    """How many are asked about, and how many of them have a row in the window."""
    rows = connection.execute(
        f"SELECT count(*), count(*) FILTER (m.known <= a.time + {horizon}) "
        f"FROM {asked} a ASOF LEFT JOIN {_ACTS} m ON m.entity = a.entity AND a.time < m.known"
    ).fetchall()
    return rows[0]


def _finding(case: Case, evidence: str) -> Finding:
    severity: Severity = "note" if case.task.kind == "recommendation" else "suspicion"
    return Finding(
        check="future filter",
        severity=severity,
        place="label sql" if case.task.sql else "label files",
        evidence=evidence,
        remedy="choose whom to ask from rows no later than the seed, and count those who then do "
        "nothing; a label that only some can have makes a score of those alone",
    )
