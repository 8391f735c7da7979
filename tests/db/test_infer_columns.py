"""Each column's meaning is found from its type, its name and the shape of its values."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from hgl.db.infer import infer_columns
from hgl.db.schema import ForeignKey
from tests.db.undeclared import opened_table

ROWS = 60
DAYS = [datetime.datetime(2020, 1, 1) + datetime.timedelta(days=i) for i in range(ROWS)]
PROSE = [f"The {i}th remark is long enough to be read as prose, not a label" for i in range(ROWS)]
HASHES = [hashlib.sha256(bytes([i])).hexdigest() for i in range(ROWS)]


def stype(name: str, values: Sequence[Any] | pa.Array) -> str | None:
    connection, table = opened_table("things", {name: values})
    return infer_columns(connection, table)[0].columns[0].stype


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("weight", [i / 7 for i in range(ROWS)], "numerical"),
        ("price", [Decimal(i) / 4 for i in range(ROWS)], "numerical"),
        ("points", [i % 9 for i in range(ROWS)], "numerical"),
        ("position", [i % 9 for i in range(ROWS)], "numerical"),
        ("reorder_level", [i % 9 for i in range(ROWS)], "numerical"),
        ("year_id", [1980 + i % 9 for i in range(ROWS)], "numerical"),
        ("line_no", [i % 9 for i in range(ROWS)], "numerical"),
        ("number", [i % 9 for i in range(ROWS)], "numerical"),
        ("status_id", [i % 9 for i in range(ROWS)], "categorical"),
        ("postTypeId", [i % 3 for i in range(ROWS)], "categorical"),
        ("product_type_no", [i % 9 for i in range(ROWS)], "categorical"),
        ("account_id", [7 * i for i in range(ROWS)], "ignored"),
        ("flag", [i % 2 for i in range(ROWS)], "boolean"),
        ("active", [bool(i % 2) for i in range(ROWS)], "boolean"),
        ("won", ["Y", "N"] * 30, "boolean"),
        ("won", ["true", None, "False"] * 20, "boolean"),
        ("seen", DAYS, "timestamp"),
        ("seen", [d.date() for d in DAYS], "timestamp"),
        ("seen", [d.isoformat() for d in DAYS], "timestamp"),
        ("seen", [d.isoformat() + "Z" for d in DAYS], "timestamp"),
        ("milliseconds", [str(i * 17) for i in range(ROWS)], "numerical"),
        ("time_ms", [1_600_000_000_000 + i for i in range(ROWS)], "ignored"),
        ("remark", PROSE, "text"),
        ("surname", [f"Name{chr(65 + i % 50)}" for i in range(ROWS)], "text"),
        ("colour", ["red", "green", "blue"] * 20, "categorical"),
        ("country", [f"Land {i % 25}" for i in range(ROWS)], "categorical"),
        ("ref", [f"ref-{i}" for i in range(ROWS)], "ignored"),
        ("digest", HASHES, "ignored"),
        ("token", [str(uuid.UUID(h[:32])) for h in HASHES], "ignored"),
        ("homepage", [f"https://example.org/{i}" for i in range(ROWS)], "ignored"),
        ("email", [f"a{i}@example.org" for i in range(ROWS)], "ignored"),
        ("phone", [f"+47 22 {i} 10 10" for i in range(10, 10 + ROWS)], "ignored"),
        ("photo", [b"\x00"] * ROWS, "ignored"),
        ("tags", [["a", "b"]] * ROWS, "ignored"),
        ("nothing", pa.nulls(ROWS, pa.string()), "ignored"),
        ("unit", ["cm"] * ROWS, "ignored"),
        ("kind", pa.array(["a", "b"] * 30).dictionary_encode(), "categorical"),
        ("clock", [d.time() for d in DAYS], "ignored"),
    ],
)
def test_stypes(name: str, values: Sequence[Any] | pa.Array, expected: str) -> None:
    assert stype(name, values) == expected


def test_what_is_known_only_later_is_ignored() -> None:
    late = [d + datetime.timedelta(days=9) for d in DAYS]
    columns = {
        "opened_at": DAYS,
        "closed_at": [*late[:5], *[None] * (ROWS - 5)],
        "born": [d - datetime.timedelta(days=9000) for d in DAYS],
        "same": DAYS,
        "shipped": [d.isoformat() for d in late],
    }
    connection, table = opened_table("tickets", columns)
    found = infer_columns(connection, dataclasses.replace(table, time_col="opened_at"))[0]
    decided = {c.name: c.stype for c in found.columns}
    assert decided == {
        "opened_at": "timestamp",
        "closed_at": "ignored",
        "born": "timestamp",
        "same": "timestamp",
        "shipped": "ignored",
    }
    assert found.column("shipped").reason.startswith("known only after the row's own time")


@pytest.mark.parametrize(("late", "expected"), [(2, "timestamp"), (3, "ignored")])
def test_one_row_in_a_hundred_may_be_late(late: int, expected: str) -> None:
    start = datetime.datetime(2020, 1, 1)
    other = [start + datetime.timedelta(hours=1)] * late + [start] * (200 - late)
    connection, table = opened_table("rows", {"date": [start] * 200, "other": other})
    found = infer_columns(connection, dataclasses.replace(table, time_col="date"))[0]
    assert found.column("other").stype == expected


def test_a_year_is_known_when_it_ends() -> None:
    earlier = [d - datetime.timedelta(days=365) for d in DAYS]
    columns = {"year": [2019] * ROWS, "final": DAYS, "debut": earlier}
    connection, table = opened_table("seasons", columns)
    found = infer_columns(connection, dataclasses.replace(table, time_col="year"))[0]
    decided = {c.name: c.stype for c in found.columns}
    assert decided == {"year": "ignored", "final": "ignored", "debut": "timestamp"}


def test_keys_are_no_content() -> None:
    columns = {
        "id": list(range(ROWS)),
        "user_id": [i % 9 for i in range(ROWS)],
        "n": [0.5, 1.5] * 30,
    }
    connection, table = opened_table("visits", columns)
    fkey = ForeignKey("user_id", ("user_id",), "users", ("id",), "user_id_row")
    found = infer_columns(connection, dataclasses.replace(table, pkey=("id",), fkeys=(fkey,)))[0]
    assert [c.stype for c in found.columns] == ["ignored", "ignored", "numerical"]
    assert found.column("user_id").reason == "refers to users"


def test_text_that_stands_for_null_is_noted() -> None:
    connection, table = opened_table(
        "drivers", {"code": ["\\N"] * 40 + ["HAM", "ROS"] * 10, "laps": ["NA"] * 20 + ["12"] * 40}
    )
    code, laps = infer_columns(connection, table)[0].columns
    assert "text that stands for null in 40 rows" in code.reason
    assert "text that stands for null in 20 rows" in laps.reason
    assert laps.stype == "numerical"


def test_stated_types_stay_and_every_other_column_has_a_finding() -> None:
    connection, table = opened_table("things", {"a": PROSE, "b": HASHES})
    stated = dataclasses.replace(table.columns[1], stype="text", reason="stated")
    table = dataclasses.replace(table, columns=(table.columns[0], stated))
    found, findings = infer_columns(connection, table)
    assert found.column("b") == stated
    assert [(f.columns, f.decision) for f in findings] == [(("a",), "text")]


def test_an_empty_table_has_no_content() -> None:
    connection, table = opened_table("empty", {"a": pa.array([], pa.int64())})
    assert infer_columns(connection, table)[0].columns[0].stype == "ignored"
