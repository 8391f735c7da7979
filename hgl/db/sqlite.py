"""SQLite's own trouble: a column's declared type promises nothing about the values in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from hgl.db.dialects import ARROW, CAREFUL_SQLITE, Kind
from hgl.db.stream import ReadColumn, TableRead

Rows = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and returns its few rows."""

_BATCH_BYTES = 4 << 20
_MOST_ROWS = 32768
_SAMPLE_ROWS = 1000
_NUMBER_BYTES = 8
_CLASSES = ("integer", "real", "text", "blob")
"""SQLite's storage classes, null aside."""


def typed_row(table: TableRead) -> str:
    """Return the SQL of one row whose values show the type each column arrives with."""
    shown = {pa.int64(): "0", pa.float64(): "0.5", pa.string(): "''"}
    return f"SELECT {', '.join(shown[kind] for kind in arriving(table))}"


def arriving(table: TableRead) -> list[pa.DataType]:
    """Return the Arrow types the columns arrive with, out of SQLite's three."""
    plain = {pa.bool_(): pa.int64(), pa.float64(): pa.float64(), pa.int64(): pa.int64()}
    return [plain.get(ARROW[c.kind], pa.string()) for c in table.columns]


def batch_rows(rows: Rows, table: TableRead) -> int:
    """Return how many rows make a batch of a few megabytes, judged by the table's first rows."""
    kinds = zip(table.columns, arriving(table))
    texts = [c.quoted for c, kind in kinds if pa.types.is_string(kind)]
    length = " + ".join(f"coalesce(length({c}), 0)" for c in texts) or "0"
    sample = f"SELECT * FROM {table.quoted} LIMIT {_SAMPLE_ROWS}"
    ((mean,),) = rows(f"SELECT coalesce(avg({length}), 0.0) FROM ({sample})")
    return max(1, min(_MOST_ROWS, int(_BATCH_BYTES / (mean + _NUMBER_BYTES * len(table.columns)))))


def typed(rows: Rows, table: TableRead) -> TableRead:
    """Return `table` with a kind for each column that declares none, by the values it holds."""
    untyped = [c for c in table.columns if c.kind == "untyped"]
    held = _held(rows, table, untyped)
    kinds = {c.name: _natural(held[c.name]) for c in untyped}
    columns = (dataclasses.replace(c, kind=kinds.get(c.name, c.kind)) for c in table.columns)
    return dataclasses.replace(table, columns=tuple(c for c in columns if c.kind != "blob"))


def careful(rows: Rows, table: TableRead) -> tuple[TableRead, Mapping[str, int]]:
    """Return how to read a table whose values contradict its types, and what its columns lose.

    A whole-number column with fractions is read as float; a number column that mostly holds text
    is read as text. What does not fit after that becomes null and is counted.
    """
    held = _held(rows, table, table.columns)
    columns = tuple(dataclasses.replace(c, kind=_kept(c, held[c.name])) for c in table.columns)
    counts = ", ".join(
        f"coalesce(sum({c.quoted} IS NOT NULL AND ({CAREFUL_SQLITE.select(c.kind, c.quoted)}) "
        "IS NULL), 0)"
        for c in columns
    )
    (lost,) = rows(f"SELECT {counts} FROM {table.quoted}")
    losses = {c.name: int(n) for c, n in zip(columns, lost) if n}
    return dataclasses.replace(table, columns=columns), losses


def _held(
    rows: Rows, table: TableRead, columns: tuple[ReadColumn, ...] | list[ReadColumn]
) -> dict[str, dict[str, int]]:
    """Return how many values of each storage class every column holds; `fraction` are the reals
    that are no whole numbers.
    """
    if not columns:
        return {}
    wanted = {k: f"typeof({{}}) = '{k}'" for k in _CLASSES}
    wanted["fraction"] = "typeof({}) = 'real' AND {} != CAST({} AS INTEGER)"
    counts = (
        f"coalesce(sum({test.replace('{}', c.quoted)}), 0)"
        for c in columns
        for test in wanted.values()
    )
    (found,) = rows(f"SELECT {', '.join(counts)} FROM {table.quoted}")
    step = len(wanted)
    return {
        c.name: dict(zip(wanted, map(int, found[i * step : (i + 1) * step])))
        for i, c in enumerate(columns)
    }


def _natural(held: Mapping[str, int]) -> Kind:
    """Return the kind of a column that declares none."""
    if held["text"]:
        return "text"
    if held["blob"]:
        return "blob"
    if held["real"]:
        return "float"
    return "integer" if held["integer"] else "text"


def _kept(column: ReadColumn, held: Mapping[str, int]) -> Kind:
    """Return the kind that loses least of a column's values."""
    if column.kind not in ("integer", "decimal", "float", "boolean"):
        return column.kind
    if held["text"] > held["integer"] + held["real"] and column.kind != "boolean":
        return "text"
    return "float" if column.kind == "integer" and held["fraction"] else column.kind
