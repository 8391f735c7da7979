"""Rows that refer to later ones: keys filled in afterwards, clocks of two zones, dates cut to days.

An accepted answer is named by the question, which is older. An edge shows itself at the later of
its two ends, so the parent stays hidden; but the key may have been written later still, and a child
that is dated too early is itself seen too early.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from hgl.audit.case import Case
from hgl.audit.suspicions.shown import instant
from hgl.db.duck import identifier
from hgl.db.schema import ForeignKey, TableSchema
from hgl.results.finding import Finding

SHARE = 0.01
"""Of a foreign key's rows that may be earlier than their parents without a word."""


def forward_keys(case: Case) -> Iterator[Finding]:
    """Flag foreign keys whose rows are dated before the rows they name."""
    with case.db.connect() as connection:
        for table in case.db.schema.tables.values():
            for fkey in table.fkeys:
                parent = case.db.schema.table(fkey.parent)
                if table.time_col and parent.time_col:
                    yield from _forward(connection, table, fkey, parent)


def _forward(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, fkey: ForeignKey, parent: TableSchema
) -> Iterator[Finding]:
    early = f"{instant(parent, 'p')} - {instant(table, 'c')}"
    rows = connection.execute(
        f"SELECT count(*), count(*) FILTER (early > 0), "
        f"median(early) FILTER (early > 0), max(early) FROM (SELECT {early} AS early "
        f"FROM {identifier(table.name)} c JOIN {identifier(parent.name)} p "
        f"ON c.{identifier(fkey.row_col)} = p.{identifier(str(parent.row_col))})"
    ).fetchall()
    known, forward, typical, most = rows[0]
    if forward > SHARE * known:
        yield Finding(
            check="forward key",
            severity="suspicion",
            place=f"{table.name}.{fkey.name}",
            evidence=f"{forward} of {known} rows are earlier than the {parent.name} row they name, "
            f"by {typical / 3600:.1f} h in the middle and {most / 3600:.1f} h at most",
            remedy="if the key was written later, leave it out or cut it into a table with its own "
            "time; if a clock or a day without hours is behind it, date the rows later",
        )
