"""Units that are mixed within a column: seconds read as milliseconds, metres beside kilometres."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np

from hgl.audit.case import Case
from hgl.audit.suspicions.shown import shown
from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.features.dates import every
from hgl.features.statistics import instant_sql, number_sql
from hgl.results.finding import Finding

SAMPLE = 20_000
GAP = 1.5
"""Powers of ten without a value between two groups."""
SHARE = 0.02
"""Of the values, in the smaller group."""
_FACTORS = (1e3, 1e6, 1e9)
_JANUARY_1970, _YEAR_2200 = 31 * 86400, 7_258_118_400


def mixed_units(case: Case) -> Iterator[Finding]:
    """Flag times about 1970 or after 2200 beside others, and numbers in two groups 1000 apart."""
    with case.db.connect() as connection:
        for table in case.db.schema.tables.values():
            if table.time_col:
                yield from _strange_times(connection, table, table.time_col)
        for table, columns in shown(case, "timestamp"):
            for column in columns:
                yield from _strange_times(connection, table, column.name)
        for table, columns in shown(case, "numerical"):
            yield from _two_groups(connection, table, [c.name for c in columns])


def _strange_times(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, column: str
) -> Iterator[Finding]:
    """An epoch in seconds that is read as milliseconds lies in January 1970."""
    month = _JANUARY_1970
    rows = connection.execute(
        f"SELECT count(t), count(*) FILTER (t >= 0 AND t < {month}), "
        f"count(*) FILTER (t >= {-month} AND t < {2 * month}), "
        f"count(*) FILTER (t >= {_YEAR_2200}) "
        f"FROM (SELECT {instant_sql(column)} AS t FROM {identifier(table.name)})"
    ).fetchall()
    known, january, winter, far = rows[0]
    alone = january if january > 0.9 * winter and january < known else 0
    if alone or 0 < far < known:
        yield _finding(
            f"{table.name}.{column}",
            f"of {known} times, {alone} are in January 1970 with hardly any around, and {far} are "
            "after the year 2200",
        )


def _two_groups(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, columns: list[str]
) -> Iterator[Finding]:
    step = max(1, table.num_rows // SAMPLE)
    sql = every(identifier(table.name), [number_sql(c) for c in columns], step)
    fetched = connection.execute(f"SELECT * FROM {sql}").fetchnumpy().values()
    for name, column in zip(columns, fetched, strict=True):
        value = np.ma.filled(column.astype(np.float64), np.nan)
        powers = np.sort(np.log10(value[value > 0]))
        if len(powers) < 100:
            continue
        cut = int(np.diff(powers).argmax()) + 1
        smaller = min(cut, len(powers) - cut)
        if powers[cut] - powers[cut - 1] < GAP or smaller < SHARE * len(powers):
            continue
        ratio = 10 ** (np.median(powers[cut:]) - np.median(powers[:cut]))
        if any(factor / 2 <= ratio <= factor * 2 for factor in _FACTORS):
            yield _finding(
                f"{table.name}.{name}",
                f"{cut} of {len(powers)} values look to be in another unit than the rest, whose "
                f"middle is {ratio:.0f} times as large, and nothing lies between",
            )


def _finding(place: str, evidence: str) -> Finding:
    return Finding(
        check="mixed units",
        severity="suspicion",
        place=place,
        evidence=evidence,
        remedy="convert the column to one unit before it is read",
    )
