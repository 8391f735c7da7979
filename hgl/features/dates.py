"""Numbers that are dates under another name: a year, a month seen once, a running number.

Such a number says when a row was, not what it was. A model learns the weeks of training by it and
fails on the weeks after, so it is no feature; what is recent and what is old the model sees anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np

from hgl.db.schema import TableSchema

log = logging.getLogger(__name__)

AGREEMENT = 0.99
"""Share of row pairs whose order by the number is that by time, from which it is a date. The year
of birth of debutants, over 150 years, has 0.97."""
MIN_PAIRS = 50
SAMPLE = 4096
"""Rows looked at."""


def date_like(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    source: str,
    numbers: Mapping[str, str],
    instant: str,
    num_rows: int,
) -> list[str]:
    """Return the numerical columns that grow, or fall, with the row's own time.

    Args:
        source: SQL of the training rows.
        numbers: SQL of each numerical column, by name.
        instant: SQL of the row's time in seconds.
        num_rows: of `source`.
    """
    if not numbers:
        return []
    step = max(1, num_rows // SAMPLE)
    looked_at = every(source, [instant, *numbers.values()], step)
    rows = connection.execute(f"SELECT * FROM {looked_at}").fetchnumpy()
    time, *values = (np.ma.filled(column.astype(np.float64), np.nan) for column in rows.values())
    other = np.random.default_rng(0).permutation(len(time))
    found = []
    for name, value in zip(numbers, values, strict=True):
        order = np.sign(time - time[other]) * np.sign(value - value[other])
        known = order[np.abs(order) == 1]
        share = max((known > 0).mean(), (known < 0).mean()) if len(known) >= MIN_PAIRS else 0.0
        if share >= AGREEMENT:
            found.append(name)
            log.info(
                "%s.%s: no feature; it goes with the row's time (in %.1f %% of pairs), so it is a "
                "date under another name. Its type in the manifest keeps it",
                table.name,
                name,
                100 * share,
            )
    return found


def every(source: str, columns: Sequence[str], step: int) -> str:
    """SQL of the columns `c0`, `c1`, … of every `step`-th row of `source`, in row order."""
    named = ", ".join(f"{sql} AS c{i}" for i, sql in enumerate(columns))
    if step == 1:
        return f"(SELECT {named} FROM {source})"
    return (
        f'(SELECT * EXCLUDE "hgl:n" FROM (SELECT {named}, row_number() OVER () AS "hgl:n" '
        f'FROM {source}) WHERE "hgl:n" % {step} = 0)'
    )
