"""When a row became known, where nobody said so.

The wrong column leaks: a birth date makes rows visible too early, a closing date tells the end of a
story at its beginning. So a name that speaks of something later is never taken, and a table without
a column to trust stays static and is listed as such.
"""

from __future__ import annotations

import dataclasses
import math

import duckdb

from hgl.db.infer_findings import Evidence, Finding
from hgl.db.infer_profile import Profile, Profiles, profile
from hgl.db.infer_words import HAPPENED, LATER, LATER_PARTS, RECORDED, TIMES, YEARS
from hgl.db.names import Name, parse, vocabulary_of
from hgl.db.schema import TableSchema

ACCEPTED = 0.4
"""Score from which a column is taken for the row's time."""
EPOCHS = ((1e8, 4.2e9), (1e11, 4.2e12), (1e14, 4.2e15), (1e17, 4.2e18))
"""Numbers that count seconds, milli-, micro- or nanoseconds since 1970, from 1973 to 2103."""
_YEARS = (1500, 2200)
_GLUED = TIMES | RECORDED | HAPPENED | LATER
_MOST_NULLS = 0.5
_ROWS_TO_VARY = 10


def infer_time(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, known: Profiles | None = None
) -> tuple[TableSchema, list[Finding]]:
    """Choose when each row of `table` became known; a time column already stated stays.

    Args:
        connection: holds a view with the table's name and columns.
        known: profiles made earlier; new ones are added.
    Returns: the table with `time_col` and `time_reason`, and one finding; `time_col` stays None
        where no column can be trusted.
    """
    if table.time_col is not None:
        return table, []
    columns = profile(connection, table.name, known)
    judged = [(c.name, _judged(table, columns[c.name])) for c in table.columns]
    ranked = sorted(judged, key=lambda pair: -_score(pair[1]))
    if not ranked or _score(ranked[0][1]) < ACCEPTED:
        return _static(table, judged)
    chosen, evidence = ranked[0]
    reason = f"{chosen}: " + "; ".join(e.text for e in evidence)
    finding = Finding(
        "time", table.name, (chosen,), "a row is known from then on", _score(evidence), evidence
    )
    return dataclasses.replace(table, time_col=chosen, time_reason=reason), [finding]


def _static(
    table: TableSchema, judged: list[tuple[str, tuple[Evidence, ...]]]
) -> tuple[TableSchema, list[Finding]]:
    """Return the table without a time, with what spoke against each column that holds instants."""
    doubts = tuple(
        dataclasses.replace(min(evidence, key=lambda e: e.score), name=column)
        for column, evidence in judged
        if evidence[0].score
    )
    reason = "static: no column tells when a row became known"
    finding = Finding("time", table.name, (), "static, every row is always known", 1.0, doubts)
    return dataclasses.replace(table, time_reason=reason), [finding]


def _score(evidence: tuple[Evidence, ...]) -> float:
    return math.prod(e.score for e in evidence)


def _judged(table: TableSchema, column: Profile) -> tuple[Evidence, ...]:
    """Return the evidence on one column; the first is its type, 0 where it holds no instants."""
    name = parse(column.name, vocabulary_of([table.name]) | _GLUED)
    keyed = bool(name.mark) or column.name in table.key_columns
    typed = _type_evidence(column, name, keyed)
    if not typed.score:
        return (typed,)
    named = time_name_evidence(name, table)
    full = max(0.0, 1 - column.nulls) if column.nulls <= _MOST_NULLS else 0.0
    filled = Evidence("nulls", full, f"{column.nulls:.1%} null" if column.nulls else "never null")
    # A year that is part of the key may be the same everywhere; an instant then tells of a load.
    still = column.distinct <= 1 and column.rows > _ROWS_TO_VARY and column.family != "int"
    spread = Evidence(
        "spread",
        0.0 if still else 1.0,
        "the same in every row" if still else f"{column.least} to {column.greatest}",
    )
    return typed, named, filled, spread


def _type_evidence(column: Profile, name: Name, keyed: bool) -> Evidence:
    """Return whether values are instants; years are only where they tell rows apart (`keyed`)."""
    words = {*name.words}
    if not column.filled:
        return Evidence("type", 0.0, "no values")
    if column.family == "instant":
        return Evidence("type", 1.0, column.kind)
    if column.family == "text" and column.shape.instants > 0.95:
        return Evidence("type", 0.95, "text that reads as instants")
    if column.family != "int":
        return Evidence("type", 0.0, f"{column.kind} is no instant")
    least, greatest = float(column.least), float(column.greatest)
    if words & (TIMES | RECORDED) and any(a <= least and greatest <= b for a, b in EPOCHS):
        return Evidence("type", 0.9, "numbers that count from 1970")
    if keyed and words & YEARS and _YEARS[0] <= least and greatest <= _YEARS[1]:
        return Evidence("type", 0.45, "a bare year, known when it ends")
    return Evidence("type", 0.0, "numbers that are no instants")


def time_name_evidence(name: Name, table: TableSchema) -> Evidence:
    """Return how much a column's name says that it is the moment its row became known."""
    words = {w for w in name.words if len(w) > 1}
    plain = "".join(name.words)
    if words & LATER or any(part in plain for part in LATER_PARTS):
        return Evidence("name", 0.0, f"{name.text!r} is known later, or about something else")
    if words & RECORDED:
        return Evidence("name", 1.0, f"{name.text!r} says the row came into being")
    rest = words - TIMES - YEARS - {name.mark}
    if not rest:
        return Evidence("name", 0.9, f"{name.text!r} says nothing but when")
    if rest <= {*parse(table.name).words}:
        return Evidence("name", 0.95, f"{name.text!r} is called for its table")
    if words & HAPPENED:
        return Evidence("name", 0.85, f"{name.text!r} says something happened")
    return Evidence("name", 0.5, f"{name.text!r} is an instant of some kind")
