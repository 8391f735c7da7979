"""Values that name an entity, as a database wants them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from hgl.aggregates.live.place import KeyColumn, Place
from hgl.errors import SchemaError

_MOST = 2**63


def key_values(place: Place, entity: str, key: Mapping[str, Any]) -> list[Any]:
    """Return the parameters for one key; None for a value that names no row whatever it is.

    Raises: SchemaError: `key` lacks a column.
    """
    if absent := [k.name for k in place.key if k.name not in key]:
        expected = [k.name for k in place.key]
        raise SchemaError(f"keys of {entity!r} lack {absent}; expected {expected}")
    return [_converted(column, key[column.name]) for column in place.key]


def _converted(column: KeyColumn, value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        return _CONVERT[column.kind](value)
    except (TypeError, ValueError, OverflowError):
        return None


def _integer(value: Any) -> int | None:
    whole = int(value)
    same = whole == (float(value) if isinstance(value, str) else value)
    return whole if same and -_MOST <= whole < _MOST else None


def _boolean(value: Any) -> bool:
    text = str(value).lower()
    if text not in ("true", "false", "1", "0"):
        raise ValueError
    return text in ("true", "1")


def _text(value: Any) -> str | None:
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    text = str(value)
    return None if "\0" in text else text


def _ticks(value: Any) -> int:
    stamp = pd.Timestamp(value)
    stamp = stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)
    return stamp.as_unit("us").value


_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": float,
    "boolean": _boolean,
    "text": _text,
    "bytes": lambda value: bytes.fromhex(str(value)),
    "ticks": _ticks,
}
