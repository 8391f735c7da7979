"""Times of a local clock, told by the hour that is missing each spring.

The second reading of the hour that comes twice each autumn cannot be told from the first, and an
hour's error is an hour of the future. Instants in UTC have neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb

from hgl.audit.case import Case
from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.results.finding import Finding

EXPECTED = 20
"""Rows that the missing hour would have, by the weeks around, from which their absence tells."""
_RULES = {"the United States": ((3, 8), (11, 1)), "the European Union": ((3, 25), (10, 25))}
"""Month, and first day of the week whose Sunday has the change in spring and in autumn."""
_WEEKS = (-2, -1, 1, 2)


def clock_changes(case: Case) -> Iterator[Finding]:
    """Flag time columns that have no rows from 2 to 3 on days when clocks are put forward."""
    with case.db.connect() as connection:
        for table in case.db.schema.tables.values():
            if table.time_col:
                yield from _local(connection, table)


def _local(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> Iterator[Finding]:
    time = identifier(str(table.time_col))
    hours: dict[date, int] = dict(
        connection.execute(
            f"SELECT {time}::DATE, count(*) FROM {identifier(table.name)} "
            f"WHERE dayofweek({time}) = 0 AND hour({time}) = 2 GROUP BY 1"
        ).fetchall()
    )
    if not hours:
        return
    years = range(min(hours).year, max(hours).year + 1)
    for place, (spring, autumn) in _RULES.items():
        missing, usual = _around(hours, [_sunday(year, *spring) for year in years])
        doubled, before = _around(hours, [_sunday(year, *autumn) for year in years])
        if usual >= EXPECTED and missing == 0:
            yield Finding(
                check="clock change",
                severity="suspicion",
                place=f"{table.name}.{table.time_col}",
                evidence=f"no row from 2 to 3 h on the Sundays when clocks of {place} are put "
                f"forward, where the weeks around have {usual:.0f}; {doubled} where they are put "
                f"back, against {before:.0f}",
                remedy="convert the local times to UTC, by the zone of each row",
            )


def _around(hours: dict[date, int], days: list[date]) -> tuple[int, float]:
    """Rows in the hour on these days, and how many the weeks around make expect."""
    found = sum(hours.get(day, 0) for day in days)
    near = [hours.get(day + timedelta(weeks=w), 0) for day in days for w in _WEEKS]
    return found, sum(near) / len(_WEEKS)


def _sunday(year: int, month: int, day: int) -> date:
    """The first Sunday on or after a day."""
    first = date(year, month, day)
    return first + timedelta(days=6 - first.weekday())
