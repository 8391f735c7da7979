"""Values into one explicit Arrow schema: what does not fit becomes null and is counted."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_ARROW_ERRORS = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UNITS = ((1e11, 10**6), (1e14, 10**3), (1e17, 1))
"""Numbers below each bound count seconds, milliseconds, microseconds: factors to microseconds."""


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, Counter[str]]:
    """Return `batch` with the types of `schema`, and how many values each column lost."""
    arrays = [_converted(array, field.type) for array, field in zip(batch.columns, schema)]
    lost = {
        field.name: after.null_count - before.null_count
        for field, before, after in zip(schema, batch.columns, arrays)
    }
    return pa.RecordBatch.from_arrays(arrays, schema=schema), +Counter(lost)


def column(values: Sequence[Any], kind: pa.DataType) -> tuple[pa.Array, int]:
    """Return Python `values` as an Arrow array of type `kind`, and how many did not fit."""
    try:
        return pa.array(values, kind), 0
    except _ARROW_ERRORS:
        array = pa.array([_fitting(v, kind) for v in values], kind)
        return array, array.null_count - sum(v is None for v in values)


def _converted(array: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        converted = array if array.type == kind else pc.cast(array, kind)
        if pa.types.is_string(kind):
            converted.validate(full=True)
        return converted
    except _ARROW_ERRORS:
        if pa.types.is_string(array.type):
            array = pc.cast(array, pa.binary())
        return pa.array([_fitting(v, kind) for v in array.to_pylist()], kind)


def _fitting(value: Any, kind: pa.DataType) -> Any:
    """Return `value` as Python's counterpart of `kind`, or None."""
    if isinstance(value, bytes) and not pa.types.is_string(kind):
        value = value.decode(errors="replace")
    try:
        return None if value is None else _FIT[kind](value)
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return None


def _integer(value: Any) -> int | None:
    whole = int(value)
    fits = whole == (float(value) if isinstance(value, str) else value)
    return whole if fits and -(2**63) <= whole < 2**63 else None


def _unsigned(value: Any) -> int | None:
    whole = int(value)
    return whole if whole == value and 0 <= whole < 2**64 else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}.get(value.lower())
    return bool(value)


def _string(value: Any) -> str | None:
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace")
    return str(value)


def _timestamp(value: Any) -> datetime.datetime | None:
    """Read an instant as naive UTC: ISO text, date, datetime, or a number since the epoch."""
    number = value if isinstance(value, int | float) else _number(value)
    if number is not None:
        factor = next((f for bound, f in _EPOCH_UNITS if abs(number) < bound), None)
        span = None if factor is None else datetime.timedelta(microseconds=number * factor)
        return None if span is None else _EPOCH + span
    stamp = pd.Timestamp(value)
    if stamp is pd.NaT:
        return None
    stamp = stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)
    return stamp.to_pydatetime(warn=False)


def _number(value: Any) -> float | None:
    """Return text that is a number of seconds or more as one; a bare year is not."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) > 1e8 else None


def _date(value: Any) -> datetime.date | None:
    stamp = _timestamp(value)
    return None if stamp is None else stamp.date()


_FIT: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.bool_(): _boolean,
    pa.int64(): _integer,
    pa.uint64(): _unsigned,
    pa.float64(): float,
    pa.string(): _string,
    pa.date32(): _date,
    pa.timestamp("us"): _timestamp,
}
