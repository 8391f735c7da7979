"""What each column's values mean, where nobody said so.

Safe by default: what identifies, what cannot be read, what never varies and what is known only
after the row's own time is ignored, each with its reason; the manifest may say otherwise.
"""

from __future__ import annotations

import dataclasses

import duckdb

from hgl.db.duck import identifier
from hgl.db.infer_findings import Evidence, Finding
from hgl.db.infer_profile import Profile, Profiles, instant_sql, profile
from hgl.db.infer_stype import Verdict, judge
from hgl.db.names import parse, vocabulary_of
from hgl.db.schema import TableSchema

LATE_SHARE = 0.01
"""Share of rows in which a timestamp may lie later than the row's own time."""


def infer_columns(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, known: Profiles | None = None
) -> tuple[TableSchema, list[Finding]]:
    """Fill in the semantic type of every column of `table` that has none.

    Args:
        connection: holds a view with the table's name and columns.
        table: its keys and time column are decided.
        known: profiles made earlier; new ones are added.
    Returns: the table, and a finding for each column filled in.
    """
    columns = profile(connection, table.name, known)
    vocabulary = vocabulary_of([table.name])
    verdicts = {
        c.name: _stated(table, columns[c.name]) or judge(columns[c.name], parse(c.name, vocabulary))
        for c in table.columns
        if c.stype is None
    }
    verdicts |= _late(connection, table, columns, verdicts)
    decided = tuple(
        dataclasses.replace(c, stype=verdicts[c.name].stype, reason=verdicts[c.name].reason)
        if c.name in verdicts
        else c
        for c in table.columns
    )
    findings = [_finding(table, column, verdict) for column, verdict in verdicts.items()]
    return dataclasses.replace(table, columns=decided), findings


def _stated(table: TableSchema, column: Profile) -> Verdict | None:
    """Return the verdict on a column that is the row's time or part of a key, else None."""
    name = column.name
    if name == table.time_col:
        dated = column.family in ("instant", "text")
        return Verdict("timestamp", 1.0, "the row's own time") if dated else None
    if name in table.pkey or name == table.row_col:
        return Verdict("ignored", 1.0, "part of the primary key")
    parents = [f.parent for f in table.fkeys if name in (*f.columns, f.row_col)]
    return Verdict("ignored", 1.0, f"refers to {' and '.join(parents)}") if parents else None


def _late(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    columns: dict[str, Profile],
    verdicts: dict[str, Verdict],
) -> dict[str, Verdict]:
    """Return verdicts on timestamps that lie later than the row's own time too often."""
    asked = [c for c, v in verdicts.items() if v.stype == "timestamp" and c != table.time_col]
    if table.time_col not in columns or not asked:
        return {}
    own = instant_sql(columns[str(table.time_col)])
    terms = ", ".join(f"avg(({instant_sql(columns[c])} > {own})::INT)" for c in asked)
    shares = connection.execute(f"SELECT {terms} FROM {identifier(table.name)}").fetchall()[0]
    return {
        column: Verdict(
            "ignored", 1.0, f"known only after the row's own time, in {share:.0%} of its rows"
        )
        for column, share in zip(asked, shares)
        if (share or 0.0) > LATE_SHARE
    }


def _finding(table: TableSchema, column: str, verdict: Verdict) -> Finding:
    seen = (Evidence("values", verdict.score, verdict.reason),)
    return Finding("stype", table.name, (column,), verdict.stype, verdict.score, seen)
