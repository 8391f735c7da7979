"""Tables without a time that grow with time: the row of a plane delivered in December is there in
March, and running numbers say which rows are to come.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np

from hgl.audit.case import Case
from hgl.audit.suspicions.ranks import rank_correlation
from hgl.audit.suspicions.shown import children, mentions
from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.features.dates import every
from hgl.features.statistics import number_sql
from hgl.results.finding import Finding
from hgl.tasks import splits

SHARE = 0.01
"""Of the rows that others mention, which may be first mentioned after the validation timestamp."""
AGREEMENT = 0.9
SAMPLE = 50_000


def growing_tables(case: Case) -> Iterator[Finding]:
    """Flag static tables whose rows others mention for the first time only late."""
    val, _ = splits.timestamps(case.task, case.db)
    with case.db.connect() as connection:
        for table in case.db.schema.tables.values():
            if table.time_col or not list(children(case, table.name)):
                continue
            first, numbers = _first_mentions(case, connection, table)
            mentioned = ~np.isnan(first)
            late = int((first[mentioned] > val).sum())
            if late <= SHARE * mentioned.sum():
                continue
            ordered = [
                f"{name} (rank correlation {share:.2f})"
                for name, values in numbers.items()
                if abs(share := rank_correlation(values, first)) >= AGREEMENT
            ]
            goes_with = f"; the first mention goes with {', '.join(ordered)}" if ordered else ""
            yield Finding(
                check="growing table",
                severity="suspicion",
                place=table.name,
                evidence=f"{late} of {mentioned.sum()} rows are first mentioned after "
                f"val_timestamp, but the table has no time{goes_with}",
                remedy="give it a time column, such as the registration or the first mention; "
                "leave running numbers out",
            )


def _first_mentions(
    case: Case, connection: duckdb.DuckDBPyConnection, table: TableSchema
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """When each row looked at is first mentioned, NaN if never, and its whole numbers."""
    hidden = {table.row_col, *(fkey.row_col for fkey in table.fkeys)} - set(table.pkey)
    numbers = [c.name for c in table.columns if "int" in c.type and c.name not in hidden]
    position = identifier(str(table.row_col))
    source = (
        f'(SELECT t.*, m."hgl:first" FROM {identifier(table.name)} t LEFT JOIN '
        f'(SELECT entity, min(known) AS "hgl:first" '
        f"FROM ({mentions(list(children(case, table.name)))}) GROUP BY 1) m "
        f"ON m.entity = t.{position} ORDER BY t.{position})"
    )
    step = max(1, table.num_rows // SAMPLE)
    sql = every(source, ['"hgl:first"', *map(number_sql, numbers)], step)
    fetched = connection.execute(f"SELECT * FROM {sql}").fetchnumpy().values()
    first, *values = (np.ma.filled(c.astype(np.float64), np.nan) for c in fetched)
    return first, dict(zip(numbers, values, strict=True))
