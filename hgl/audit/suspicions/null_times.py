"""Rows without a time in tables with one."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.shown import count
from hgl.db.duck import identifier
from hgl.results.finding import Finding


def null_times(case: Case) -> Iterator[Finding]:
    """Flag null times that are always visible, and count those that never are."""
    with case.db.connect() as connection:
        for table in case.db.schema.tables.values():
            if table.time_col is None:
                continue
            missing = count(
                connection,
                f"SELECT count(*) FILTER ({identifier(table.time_col)} IS NULL) "
                f"FROM {identifier(table.name)}",
            )
            if not missing:
                continue
            visible = table.null_times == "visible"
            yield Finding(
                check="null time",
                severity="suspicion" if visible else "note",
                place=f"{table.name}.{table.time_col}",
                evidence=f"{missing} of {table.num_rows} rows have no time and are "
                + ("visible to every seed" if visible else "never visible"),
                remedy="null_times: hidden in the manifest, or give these rows a time"
                if visible
                else "give these rows a time if they matter",
            )
