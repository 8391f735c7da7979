"""How a live database writes the times in a column, and SQL that compares and reads them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hgl.aggregates.live.clock import SECONDS
from hgl.aggregates.live.place import DialectName, Moment
from hgl.db.dialects import Kind
from hgl.errors import SchemaError

Rows = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and returns its few rows."""

_UTC: Mapping[DialectName, str] = {
    "postgresql": "to_timestamp({}) AT TIME ZONE 'UTC'",
    "sqlite": "{}, 'unixepoch'",
}
_EPOCH = "extract(epoch FROM {})"
_TICKS = f"CASE WHEN isfinite({{}}) THEN ({_EPOCH} * 1000000)::bigint END"
_NATIVE: Mapping[str, Moment] = {
    kind: Moment("", bound, f"ceil({_EPOCH})::bigint", _TICKS, least=least)
    for kind, bound, least in (
        ("date", f"({_UTC['postgresql']})::date", "'0001-01-01'"),
        ("timestamp", _UTC["postgresql"], "'0001-01-01'"),
        ("timestamptz", "to_timestamp({})", "'0001-01-01 00:00:00+00'"),
    )
}
"""PostgreSQL's own types."""

_MICRO = 10**6
_LAST_YEAR = 3000
_UNITS = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (float("inf"), 10**9))
"""Numbers below each bound count so many to the second, as when the copy was arranged."""
_YEAR_ENDS: Mapping[DialectName, tuple[str, str]] = {
    "postgresql": (
        f"extract(year FROM {_UTC['postgresql']})::bigint - 1",
        "CASE WHEN {} >= 0 THEN extract(epoch FROM make_date({}::int + 1, 1, 1))::bigint END",
    ),
    "sqlite": (
        f"CAST(strftime('%Y', {_UTC['sqlite']}) AS INTEGER) - 1",
        "CASE WHEN {} >= 0 THEN CAST(strftime('%s', printf('%04d-01-01', {} + 1)) AS INTEGER) END",
    ),
}
"""A year counts as known when it ends: the last one that has, and when one does."""

_DATE = "0000-00-00"
_SHAPE = re.compile(r"0000-00-00(?:([ T])00:00:00(?:\.(0{1,6}))?(Z|\+00(?::?00)?)?)?")
_SECONDS = len("0000-00-00 00:00:00")
_FEW = 12
_NUMBERS = ("integer", "real")
_LOOKS = (
    "typeof({})",
    "length({})",
    "substr({}, 11, 1)",
    "substr({}, 20, 1)",
    "{} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'",
    "substr({}, 12, 8) GLOB '[0-9][0-9]:[0-9][0-9]:[0-9][0-9]'",
)
"""What texts of one shape share in SQLite, which cannot replace every digit at once, and fast."""


def moment(dialect: DialectName, kind: Kind, rows: Rows, table: str, column: str) -> Moment:
    """Return how the times in a column compare and read; its values are looked at once.

    Args:
        kind: what the column is declared to hold.
        table, column: quoted.
    Raises: SchemaError: it holds what is no time, or times written in more than one way.
    """
    if dialect == "postgresql" and kind in _NATIVE:
        return dataclasses.replace(_NATIVE[kind], column=column)
    found = _shapes(dialect, kind, rows, table, column)
    if found <= {"number"} and (found or kind in ("integer", "decimal", "float")):
        declared = kind in ("date", "timestamp")
        return _number(dialect, kind, rows, table, column, years=not declared)
    return _text(dialect, kind, found or {f"{_DATE} 00:00:00"}, column)


def _shapes(dialect: DialectName, kind: Kind, rows: Rows, table: str, column: str) -> set[str]:
    """Return texts with every digit a 0, and `number` for what is stored as one."""
    if dialect == "postgresql":
        if kind not in ("text", "other"):
            return {"number"}
        shape = f"regexp_replace({column}::text, '[0-9]', '0', 'g')"
        given = f"FROM {table} WHERE {column} IS NOT NULL"
        return {str(text) for (text,) in rows(f"SELECT DISTINCT {shape} {given} LIMIT {_FEW}")}
    if (only := _only_shape(rows, table, column)) is not None:
        return {only}
    looks = ", ".join(look.replace("{}", column) for look in _LOOKS)
    given = f"FROM {table} WHERE {column} IS NOT NULL GROUP BY {looks}"
    found = rows(f"SELECT typeof({column}), min({column}) {given} LIMIT {_FEW}")
    return {"number" if kind in _NUMBERS else _shape(text) for kind, text in found}


def _only_shape(rows: Rows, table: str, column: str) -> str | None:
    """Return the shape that all texts of an SQLite column have; None where they differ."""
    given = f"FROM {table} WHERE {column} IS NOT NULL"
    for (text,) in rows(f"SELECT {column} {given} LIMIT 1"):
        shape = _shape(text)
        glob = shape.replace("0", "[0-9]")
        others = f"SELECT 1 {given} AND {column} NOT GLOB '{glob}' LIMIT 1"
        return shape if _SHAPE.fullmatch(shape) and not rows(others) else None
    return None


def _shape(text: object) -> str:
    return re.sub("[0-9]", "0", str(text))


def _number(
    dialect: DialectName, kind: Kind, rows: Rows, table: str, column: str, years: bool
) -> Moment:
    ((largest,),) = rows(f"SELECT coalesce(max(abs({column})), 0) FROM {table}")
    if years and largest < _LAST_YEAR:
        bound, seconds = _YEAR_ENDS[dialect]
        return Moment(column, bound, seconds, f"{seconds} * 1000000", least="0")
    unit = next(unit for bound, unit in _UNITS if largest < bound)
    ticks, spare = _ticks(kind, unit)
    whole = unit == 1 and not spare
    seconds = "{}" if whole else SECONDS.replace("{}", f"({ticks})")
    return Moment(column, f"{{}} * {unit}{spare}", seconds, ticks)


def _ticks(kind: Kind, unit: int) -> tuple[str, str]:
    """SQL of numbers, so many to the second, as the microseconds they are copied as; and how much
    larger than a second's a number may be that is still copied as that second.
    """
    whole = "CAST({} AS bigint)"
    if unit > _MICRO:  # rounded down; division goes towards zero
        below = f"CASE WHEN {whole} < 0 THEN {whole} - 999 ELSE {whole} END"
        return f"({below}) / 1000", " + 999"
    if kind in ("integer", "date", "timestamp"):
        return f"{whole} * {_MICRO // unit}", ""
    return f"CAST(round({{}} * {_MICRO // unit}) AS bigint)", f" + {0.49 * unit / _MICRO:.7f}"


def _text(dialect: DialectName, kind: Kind, shapes: Iterable[str], column: str) -> Moment:
    """Return how ISO text is read. Raises: SchemaError: it is not written in one way."""
    found = {shape: _SHAPE.fullmatch(shape) for shape in shapes}
    parts = [match.groups(default="") for match in found.values() if match]
    ways = {(mark, zone) for mark, _, zone in parts}
    digits = {len(fraction) for _, fraction, _ in parts}
    one_way = len(ways) == 1 and len(parts) == len(found)
    if not one_way or (len(digits) > 1 and parts[0][2]) or (kind == "date" and parts[0][0]):
        raise SchemaError(
            f"column {column} holds times written as {', '.join(sorted(found))} (0 for any "
            "digit); expected one way, such as 2013-10-01 05:00:00"
        )
    mark, _, zone = parts[0]
    if not mark:
        seconds = _seconds(dialect, "{}")
        return Moment(column, _written(dialect, ""), seconds, f"{seconds} * 1000000")
    seconds, zeros = _seconds(dialect, f"substr({{}}, 1, {_SECONDS})"), max(digits)
    ticks = f"{seconds} * 1000000"
    if zeros:
        part = f"substr({{}}, {_SECONDS + 2}, {zeros})"
        part = f"CAST(substr({part} || '000000', 1, 6) AS integer)"
        seconds, ticks = f"{seconds} + CASE WHEN {part} > 0 THEN 1 ELSE 0 END", f"{ticks} + {part}"
    # Text with less of a fraction sorts before the same text with more: nine zeros end them all.
    end = f".{'0' * zeros}{zone}" if zone and zeros else zone or ".000000000"
    longest = f"substr({{}} || CASE length({{}}) WHEN {_SECONDS} THEN '.' ELSE '' END"
    exact = "{}" if len(digits) == 1 else f"{longest} || '000000', 1, {_SECONDS + 7})"
    return Moment(column, f"{_written(dialect, mark)} || '{end}'", seconds, ticks, exact)


def _written(dialect: DialectName, mark: str) -> str:
    """SQL of the seconds `{}` as ISO text; as a date where there is no mark before the clock."""
    if dialect == "sqlite":
        clock = f"{mark}%H:%M:%S" if mark else ""
        return f"strftime('%Y-%m-%d{clock}', {_UTC['sqlite']})"
    clock = f'"{mark}"HH24:MI:SS' if mark else ""
    return f"to_char({_UTC['postgresql']}, 'YYYY-MM-DD{clock}')"


def _seconds(dialect: DialectName, text: str) -> str:
    if dialect == "sqlite":
        return f"CAST(strftime('%s', {text}) AS INTEGER)"
    return f"extract(epoch FROM CAST({text} AS timestamp))::bigint"
