"""Time is one thing: int64 seconds since the epoch, UTC.

A row's instant rounds up and a seed's rounds down, so rounding never reveals a row too early.
"""

from __future__ import annotations

import datetime
import numbers
import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd

from hgl.errors import ConfigError
from hgl.typing import UNKNOWN_TIME

Rounding = Literal["up", "down"]
_FIRST, _LAST = -62135596800, 253402300799
"""Seconds of the years 1 and 9999: what dates can be written for."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def instant(value: str | int | datetime.date | pd.Timestamp) -> int:
    """Return `value` as seconds since the epoch, UTC, rounded down.

    Text is ISO 8601; without a zone it is UTC. An int is seconds already.

    Raises: ConfigError: `value` is not an instant between the years 1 and 9999.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and _FIRST <= value <= _LAST:  # type: ignore[operator]
        return int(value)  # type: ignore[arg-type]
    try:
        stamp = pd.NaT if whole or isinstance(value, float) else pd.Timestamp(value)
    except (TypeError, ValueError, OverflowError):
        stamp = pd.NaT
    if stamp is pd.NaT:
        raise ConfigError(f"time {value!r} is not an instant; expected ISO text such as 2013-10-01")
    return int(seconds(pd.Series([stamp]), rounding="down")[0])


def seconds(values: Any, *, rounding: Rounding) -> np.ndarray:
    """Return instants as seconds since the epoch, UTC; a null is `UNKNOWN_TIME`.

    Args:
        values: [n] pandas, NumPy or Arrow array, or a list: datetimes of any unit, with or without
            a zone (without: UTC), dates, ISO text, or integers (seconds).
        rounding: `up` for rows, `down` for seeds.
    Returns: [n], int64.
    Raises: ConfigError: the values are not times.
    """
    series = _datetimes(values)
    if pd.api.types.is_integer_dtype(series.dtype):
        return series.fillna(UNKNOWN_TIME).to_numpy(np.int64)
    unit = np.datetime_data(series.dtype)[0]
    ticks = series.to_numpy().view(np.int64)
    per_second = _PER_SECOND[unit]
    whole = -(-ticks // per_second) if rounding == "up" else ticks // per_second
    return np.where(series.isna().to_numpy(), UNKNOWN_TIME, whole)


def duration(value: str | int | datetime.timedelta) -> int:
    """Return a positive span such as "7 days" in seconds; an int is seconds already.

    Raises: ConfigError: `value` is not a positive whole number of seconds.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        with warnings.catch_warnings():  # pandas would rather have "30 D"; "30 d" is as clear
            warnings.simplefilter("ignore", DeprecationWarning)
            span = pd.Timedelta(value, unit="s") if isinstance(value, int) else pd.Timedelta(value)
        total = span.total_seconds()
    except (TypeError, ValueError):
        total = 0.0
    if not total > 0 or total != int(total):
        raise ConfigError(
            f"duration {value!r} is not a positive whole number of seconds; write '7 days'"
        )
    return int(total)


def text(time: int) -> str:
    """Return seconds since the epoch as ISO text, UTC; midnight is written as its date."""
    stamp = pd.Timestamp(time, unit="s")
    return stamp.strftime("%Y-%m-%d" if stamp == stamp.normalize() else "%Y-%m-%dT%H:%M:%S")


def _datetimes(values: Any) -> pd.Series:
    """Return `values` as naive UTC datetimes of some unit, or as integers."""
    series = values.to_pandas() if hasattr(values, "to_pandas") else pd.Series(values)
    if isinstance(series.dtype, pd.ArrowDtype):
        series = pd.Series(series.array._pa_array.to_pandas())
    if pd.api.types.is_integer_dtype(series.dtype):
        return series
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(series.dtype):
        return series
    if pd.api.types.is_numeric_dtype(series.dtype) and not series.isna().all():
        raise ConfigError(f"times of type {series.dtype} are neither datetimes nor whole seconds")
    mixed = series if series.dtype == object else ()
    if strange := [v for v in mixed if isinstance(v, numbers.Number) and not pd.isna(v)]:
        raise ConfigError(f"times hold {strange[0]!r} among others; expected one kind of value")
    try:
        parsed = pd.to_datetime(series, utc=True, format="ISO8601")
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].split(" You might")[0]
        raise ConfigError(f"times cannot be read as ISO 8601: {reason}") from None
    return parsed.dt.tz_localize(None)
