"""Counters as they stood when the data was exported: reputation, views, answers, score.

A row dated by its creation holds what was counted until the export. Where rows that refer to it
came later and their number goes with a column, the column has counted them, or what they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np

from hgl.audit.case import Case
from hgl.audit.suspicions.ranks import beyond
from hgl.audit.suspicions.shown import children, instant, shown
from hgl.db.duck import identifier
from hgl.db.schema import Column, ForeignKey, TableSchema
from hgl.features.dates import every
from hgl.features.statistics import number_sql
from hgl.results.finding import Finding

AGREEMENT = 0.5
"""Rank correlation with the number of later rows from which a column counts them, beyond what the
row's own time explains."""
SAMPLE = 50_000
_REMEDY = (
    "leave it out (columns: {{{column}: ignored}} in the manifest), or count the rows that were "
    "there (sampling.aggregates); keep it if the row already had it when it was written"
)


def snapshot_counters(case: Case) -> Iterator[Finding]:
    """Flag whole numbers that go with how many later rows refer to theirs."""
    named: dict[str, str] = {}
    left: list[tuple[TableSchema, Column]] = []
    with case.db.connect() as connection:
        for table, columns in shown(case, "numerical"):
            found = _counted(case, connection, table, columns) if table.time_col else {}
            for column in columns:
                if column.name not in found:
                    left.append((table, column))
                    continue
                named[column.name] = f"{table.name}.{column.name}"
                yield _finding(table, column, found[column.name])
    for table, column in left:
        if table.time_col and column.name in named:
            evidence = f"it is named as {named[column.name]}, which counts later rows"
            yield _finding(table, column, evidence)


def _counted(
    case: Case, connection: duckdb.DuckDBPyConnection, table: TableSchema, columns: list[Column]
) -> dict[str, str]:
    """What shows that a column counts later rows, by column."""
    values: dict[str, np.ndarray] = {}
    best: dict[str, tuple[float, str]] = {}
    for child, fkey in children(case, table.name):
        values = values or _whole(connection, table, columns)
        later = _later(connection, table, child, fkey)
        for name, value in values.items():
            share = beyond(value, later, np.arange(len(later)))  # rows are in order of time
            if share >= max(AGREEMENT, best.get(name, (0.0,))[0]):
                best[name] = share, _told(share, value, later, f"{child.name} (by {fkey.name})")
    return {name: evidence for name, (_, evidence) in best.items()}


def _told(share: float, value: np.ndarray, later: np.ndarray, rows: str) -> str:
    same = (value == later)[~np.isnan(value)].mean()
    equal = f", which it equals in {100 * same:.0f} % of rows" if same > 0.5 else ""
    return (
        f"rank correlation {share:.2f} with the number of later rows of {rows}, beyond what its "
        f"time explains{equal}"
    )


def _whole(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, columns: list[Column]
) -> dict[str, np.ndarray]:
    """Values of the columns that hold whole numbers only, null as NaN."""
    sql = every(identifier(table.name), [number_sql(c.name) for c in columns], _step(table))
    fetched = connection.execute(f"SELECT * FROM {sql}").fetchnumpy().values()
    values = [np.ma.filled(column.astype(np.float64), np.nan) for column in fetched]
    whole = {c.name: v for c, v in zip(columns, values, strict=True)}
    return {n: v for n, v in whole.items() if not (v[~np.isnan(v)] % 1).any()}


def _later(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, child: TableSchema, fkey: ForeignKey
) -> np.ndarray:
    """How many rows of the child came later than the row they refer to, per row looked at."""
    position = identifier(str(table.row_col))
    counted = (
        f"(SELECT p.{position}, count(c.{identifier(fkey.row_col)}) AS later "
        f"FROM {identifier(table.name)} p LEFT JOIN {identifier(child.name)} c "
        f"ON c.{identifier(fkey.row_col)} = p.{position} "
        f"AND {instant(child, 'c')} > {instant(table, 'p')} GROUP BY 1 ORDER BY 1)"
    )
    sql = every(counted, ["later"], _step(table))
    found: np.ndarray = connection.execute(f"SELECT * FROM {sql}").fetchnumpy()["c0"]
    return found.astype(np.float64)


def _step(table: TableSchema) -> int:
    return max(1, table.num_rows // SAMPLE)


def _finding(table: TableSchema, column: Column, evidence: str) -> Finding:
    return Finding(
        check="snapshot counter",
        severity="suspicion",
        place=f"{table.name}.{column.name}",
        evidence=evidence,
        remedy=_REMEDY.format(column=column.name),
    )
