"""How the columns of a live database are read so that they equal the arranged copy's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from hgl.aggregates.live.place import DialectName, Reading
from hgl.db.schema import Column, TableSchema
from hgl.errors import SchemaError

Family = Literal["boolean", "integer", "float", "text", "instant"]

_LARGEST = 1.7976931348623157e308
_NUMBER = f"{{}} BETWEEN -{_LARGEST} AND {_LARGEST}"
"""In SQLite, where text and blobs are larger than any number; infinity is none."""
_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1')", "('false', 'f', 'no', 'n', '0')"
_WORDS = f"CASE WHEN lower({{}}) IN {_TRUE} THEN 1 WHEN lower({{}}) IN {_FALSE} THEN 0 END"
_NUMBERS: Mapping[DialectName, Mapping[Family, str]] = {
    "sqlite": {
        "boolean": f"CASE WHEN {_NUMBER} THEN {{}} <> 0 ELSE {_WORDS} END",
        "integer": f"CASE WHEN {_NUMBER} THEN {{}} END",
        "float": f"CASE WHEN {_NUMBER} THEN {{}} END",
    },
    "postgresql": {
        "boolean": "{}::int",
        "integer": "{}::float8",
        "float": "nullif(nullif(nullif({}::float8, 'NaN'), 'Infinity'), '-Infinity')",
    },
}
_FLAGS: Mapping[DialectName, Mapping[Family, str]] = {
    "sqlite": {
        **_NUMBERS["sqlite"],
        "integer": f"CASE WHEN {_NUMBER} THEN {{}} <> 0 END",
        "float": f"CASE WHEN {_NUMBER} THEN {{}} <> 0 END",
        "text": _WORDS,
    },
    "postgresql": {
        "boolean": "{}::int",
        "integer": "({} <> 0)::int",
        "float": "({} <> 0)::int",
        "text": _WORDS,
    },
}
_TEXTS: Mapping[DialectName, str] = {
    "sqlite": "CASE WHEN {} < x'' THEN CAST({} AS TEXT) END",  # blobs are larger than all else
    "postgresql": "{}::text",
}
_WHOLES: Mapping[DialectName, str] = {
    "sqlite": f"CASE WHEN {_NUMBER} THEN CAST(CAST({{}} AS INTEGER) AS TEXT) END",
    "postgresql": "{}::bigint::text",
}
"""Whole numbers that name a category; doubles would lose the large ones."""


def family(arranged: str) -> Family:
    """Return what a column of an Arrow type holds."""
    if arranged.startswith(("timestamp", "date")):
        return "instant"
    if arranged.startswith(("int", "uint")):
        return "integer"
    if arranged.startswith(("double", "float", "half")):
        return "float"
    return "boolean" if arranged == "bool" else "text"


def number(dialect: DialectName, table: TableSchema, name: str, quoted: str) -> Reading:
    """Return how the column called `quoted` is read as a finite number; booleans are 0 and 1.

    Raises: SchemaError: the arranged copy turns its text or its dates into numbers.
    """
    column = table.column(name)
    known = (_FLAGS if column.stype == "boolean" else _NUMBERS)[dialect]
    held = family(column.type)
    if held not in known:
        raise _unreadable(table, column, "a number")
    return Reading(quoted, known[held])


def category(dialect: DialectName, table: TableSchema, name: str, quoted: str) -> Reading:
    """Return how the column called `quoted` is read as a category.

    Raises: SchemaError: it holds instants.
    """
    column = table.column(name)
    held = family(column.type)
    if held == "text":
        return Reading(quoted, _TEXTS[dialect], "text")
    if held == "instant":
        raise _unreadable(table, column, "a category")
    if held == "integer":
        return Reading(quoted, _WHOLES[dialect], "text")
    return Reading(quoted, _NUMBERS[dialect][held])


def _unreadable(table: TableSchema, column: Column, wanted: str) -> SchemaError:
    return SchemaError(
        f"table {table.name!r} cannot be read live: column {column.name!r} ({column.type}) is "
        f"wanted as {wanted}; use a snapshot"
    )
