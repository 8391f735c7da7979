"""Times in a row that are later than the row: when it was last edited, closed, seen."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.shown import shown
from hgl.db.duck import identifier
from hgl.features.statistics import instant_sql
from hgl.results.finding import Finding

SHARE = 0.01
"""Of the known times that may be later than their rows without a word."""


def later_times(case: Case) -> Iterator[Finding]:
    """Flag instants among the features that lie after the row's own time."""
    with case.db.connect() as connection:
        for table, columns in shown(case, "timestamp"):
            if table.time_col is None:
                continue
            own = instant_sql(table.time_col)
            for column in columns:
                rows = connection.execute(
                    f"SELECT count(*), count(*) FILTER ({instant_sql(column.name)} > {own}) "
                    f"FROM {identifier(table.name)} "
                    f"WHERE {instant_sql(column.name)} IS NOT NULL AND {own} IS NOT NULL"
                ).fetchall()
                known, later = rows[0]
                if later > SHARE * known:
                    yield Finding(
                        check="later time",
                        severity="suspicion",
                        place=f"{table.name}.{column.name}",
                        evidence=f"{later} of {known} values are later than {table.time_col}",
                        remedy="leave it out, unless it is a plan that was known at the row's time",
                    )
