"""Columns that came scaled by statistics of all rows, those after training included."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from hgl.audit.case import Case
from hgl.audit.suspicions.shown import shown
from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.features.statistics import instant_sql, number_sql
from hgl.results.finding import Finding
from hgl.tasks import splits

EXACT, APART = 0.005, 0.02
"""How close to 0 and 1 all rows are, and how far from it those of training."""


def scaled_columns(case: Case) -> Iterator[Finding]:
    """Flag columns with mean 0 and deviation 1, or from 0 to 1, over all rows, not in training."""
    val, _ = splits.timestamps(case.task, case.db)
    with case.db.connect() as connection:
        for table, columns in shown(case, "numerical"):
            for column in columns:
                if table.time_col and column.type in ("double", "float"):
                    yield from _scaled(connection, table, column.name, val)


def _scaled(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, column: str, val: int
) -> Iterator[Finding]:
    taught = f"FILTER ({instant_sql(str(table.time_col))} <= {val})"
    measures = ("avg(x)", "stddev_pop(x)", "min(x)", "max(x)")
    both = [*measures, *(f"{measure} {taught}" for measure in measures)]
    rows = connection.execute(
        f"SELECT count(DISTINCT x) > 2, {', '.join(both)} "
        f"FROM (SELECT *, {number_sql(column)} AS x FROM {identifier(table.name)})"
    ).fetchall()
    varied, *measured = rows[0]
    if not varied or None in measured:
        return
    for words, place in (("mean and deviation", 0), ("ends", 2)):
        overall, learnt = measured[place : place + 2], measured[place + 4 : place + 6]
        if _off(overall) <= EXACT and _off(learnt) >= APART:
            yield Finding(
                check="scaled column",
                severity="suspicion",
                place=f"{table.name}.{column}",
                evidence=f"{words} over all rows are 0 and 1, but {learnt[0]:.3f} and "
                f"{learnt[1]:.3f} until val_timestamp: rows after it took part in the scaling",
                remedy="store the column as it was measured; hgl scales by training rows",
            )


def _off(pair: list[float]) -> float:
    """How far a pair is from 0 and 1."""
    return max(abs(pair[0]), abs(pair[1] - 1))
