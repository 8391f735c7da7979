"""Validation and test timestamps where nobody stated them."""

from __future__ import annotations

import bisect
import dataclasses
import datetime
import logging
from collections import Counter
from itertools import accumulate
from pathlib import Path

import duckdb

from hgl.db import times
from hgl.db.duck import identifier, parquet
from hgl.db.files import table_file
from hgl.db.schema import Schema
from hgl.errors import ConfigError

log = logging.getLogger(__name__)

_VAL, _TEST = 0.8, 0.9
_DAY = 86400


def with_timestamps(
    schema: Schema, val_timestamp: str | int | None, test_timestamp: str | int | None
) -> Schema:
    """Return `schema` with the timestamps stated; None keeps what `schema` has.

    Raises: ConfigError: one is not an instant, or validation is not before test.
    """
    val = _iso("val_timestamp", val_timestamp, schema.val_timestamp)
    test = _iso("test_timestamp", test_timestamp, schema.test_timestamp)
    if val and test and times.instant(val) >= times.instant(test):
        raise ConfigError(f"val_timestamp {val} is not before test_timestamp {test}")
    stated = val_timestamp is not None and test_timestamp is not None
    proposed = schema.proposed_timestamps and not stated
    return dataclasses.replace(
        schema, val_timestamp=val, test_timestamp=test, proposed_timestamps=proposed
    )


def propose_timestamps(connection: duckdb.DuckDBPyConnection, schema: Schema, db: Path) -> Schema:
    """Return `schema` with absent timestamps set to whole days: 80 % of all timed rows lie before
    validation, 90 % before test. They are marked as proposed. Without times they stay absent.

    Args:
        db: folder with the tables' Parquet files.
    """
    days = _rows_per_day(connection, schema, db)
    if not days or (schema.val_timestamp and schema.test_timestamp):
        return schema
    val = times.instant(schema.val_timestamp or _quantile(days, _VAL))
    test = times.instant(schema.test_timestamp or _quantile(days, _TEST))
    if val >= test and schema.test_timestamp:
        val = test - _DAY
    test = max(test, val + _DAY)
    log.info("proposed split: validation %s, test %s", times.text(val), times.text(test))
    return dataclasses.replace(
        schema,
        val_timestamp=schema.val_timestamp or times.text(val),
        test_timestamp=schema.test_timestamp or times.text(test),
        proposed_timestamps=True,
    )


def _rows_per_day(
    connection: duckdb.DuckDBPyConnection, schema: Schema, db: Path
) -> list[tuple[datetime.date, int]]:
    """Return (day, rows of all timed tables) in order of time."""
    days: Counter[datetime.date] = Counter()
    for table in schema.tables.values():
        if table.time_col:
            day = f"{identifier(table.time_col)}::DATE"
            query = (
                f"SELECT {day}, count(*) FROM {parquet([table_file(db, table.name)])} "
                f"WHERE {identifier(table.time_col)} IS NOT NULL GROUP BY ALL"
            )
            days.update(dict(connection.execute(query).fetchall()))
    return sorted(days.items())


def _quantile(days: list[tuple[datetime.date, int]], share: float) -> datetime.date:
    """Return the first day by whose end `share` of the rows have come."""
    counts = list(accumulate(rows for _, rows in days))
    return days[bisect.bisect_left(counts, share * counts[-1])][0]


def _iso(name: str, stated: str | int | None, other: str | None) -> str | None:
    """Return the timestamp stated as ISO text, else the other one."""
    if stated is None:
        return other
    try:
        return times.text(times.instant(stated))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
