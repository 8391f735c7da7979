"""What a request asks: rows of the entity table, each at a time."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from hgl.export.manifest import Manifest
from hgl.export.refusal import Refusal
from hgl.export.used_schema import family

TIME = "time"
_SHOWN = 80
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_SECOND = datetime.timedelta(seconds=1)


@dataclass(frozen=True)
class Row:
    """One row asked about: the values of its key columns, and a time in seconds."""

    key: Mapping[str, Any]
    time: int


def key_types(manifest: Manifest) -> dict[str, str]:
    """Return what each key column takes: `integer`, `number`, `boolean`, `time` or `text`."""
    kinds = manifest.used.tables[manifest.task.entity_table]["columns"]
    return {c: _key_type(kinds[c]) for c in manifest.task.key_columns}


def read_rows(body: bytes, types: Mapping[str, str], most: int, now: int) -> list[Row]:
    """Read the body of a request.

    Args:
        types: of the key columns, see `key_types`.
        most: rows at most.
        now: the time of rows that state none, in seconds.

    Raises: Refusal: it is not JSON (400), not rows with these columns (422), or too many (413).
    """
    asked = _json(body)
    if not isinstance(asked, dict) or [*asked] != ["rows"] or not isinstance(asked["rows"], list):
        raise Refusal(422, 'expected an object with one list: {"rows": [...]}')
    if not asked["rows"]:
        raise Refusal(422, "rows is empty: expected at least one")
    if len(asked["rows"]) > most:
        raise Refusal(413, f"{len(asked['rows'])} rows: expected at most {most}")
    return [_row(row, i, types, now) for i, row in enumerate(asked["rows"])]


def shown(value: Any) -> str:
    """Return a value of a request for a message: as JSON, and not too long."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def iso(time: int) -> str:
    """Return seconds since the epoch as ISO text with its zone."""
    return (_EPOCH + time * _SECOND).isoformat().replace("+00:00", "Z")


def _json(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode(),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(400, f"the body is not JSON: {reason[:_SHOWN]}") from None


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("a number is too large")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _row(row: Any, index: int, types: Mapping[str, str], now: int) -> Row:
    where = f"rows[{index}]"
    if not isinstance(row, dict):
        raise Refusal(422, f"{where} is {shown(row)}: expected an object")
    expected = ", ".join(types)
    if missing := [name for name in types if name not in row]:
        raise Refusal(422, f"{where} has no {missing[0]!r}: expected {expected}, {TIME}")
    if extra := [name for name in row if name not in types and name != TIME]:
        raise Refusal(422, f"{where} has {shown(extra[0])}: expected only {expected}, {TIME}")
    key = {name: _value(row[name], types[name], f"{where}.{name}") for name in types}
    return Row(key, _seconds(row.get(TIME), f"{where}.{TIME}", now))


def _value(value: Any, kind: str, where: str) -> Any:
    fits, expected = _KEYS[kind]
    if not fits(value):
        raise Refusal(422, f"{where}={shown(value)}: expected {expected}")
    return value


def _is_whole(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return _is_whole(value) or type(value) is float


def _is_text(value: Any) -> bool:
    """Whether it is text that every database can hold: no zero bytes, no halves of characters."""
    return isinstance(value, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)


def _is_time(value: Any) -> bool:
    try:
        return bool(datetime.datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return False


_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "integer": (_is_whole, "a whole number of 64 bits"),
    "number": (_is_number, "a number"),
    "boolean": (lambda value: type(value) is bool, "true or false"),
    "time": (_is_time, "ISO text"),
    "text": (_is_text, "text"),
}
"""By type of a key column: whether a value is one, and what to expect."""


def _seconds(value: Any, where: str, now: int) -> int:
    """Seconds of ISO text, rounded down; without a zone it is UTC."""
    if value is None:
        return now
    try:
        time = datetime.datetime.fromisoformat(value)
        zoned = time.replace(tzinfo=time.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        raise Refusal(422, f"{where}={shown(value)}: expected ISO text or null") from None
    return (zoned - _EPOCH) // _SECOND


def _key_type(kind: str) -> str:
    return "integer" if kind.startswith(("int", "uint")) else family(kind)
