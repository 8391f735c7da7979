"""Order, positions and inherited times, against what pandas makes of the same rows slowly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hgl.db import arrange, times
from hgl.db.database import Database
from hgl.errors import SchemaError
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

DAY = pd.Timestamp("2020-01-01")
fast = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def manifest(**tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest that states all keys of all tables, so that nothing is inferred."""
    nothing: dict[str, Any] = {"pkey": [], "fkeys": {}, "time_col": None}
    return {"tables": {name: {**nothing, **block} for name, block in tables.items()}}


@st.composite
def orders(draw: st.DrawFn) -> dict[str, pd.DataFrame]:
    """Draw customers, orders with ties, unknown times and defective keys, and their lines."""
    keys = draw(st.lists(st.integers(0, 9), unique=True, max_size=8))
    day = st.none() | st.integers(0, 3)
    stamps = [None if d is None else DAY + pd.Timedelta(days=d) for d in draw(st.lists(day))]
    maybe = st.none() | st.integers(0, 12)
    customers = draw(st.lists(maybe, min_size=len(stamps), max_size=len(stamps)))
    numbers = draw(st.permutations(range(len(stamps))))
    lines = draw(st.lists(st.integers(0, max(len(stamps) - 1, 0)))) if stamps else []
    return {
        "customer": pd.DataFrame({"key": pd.array(keys, "Int64")}),
        "order": pd.DataFrame(
            {
                "number": pd.array(list(numbers), "Int64"),
                "customer": pd.array(customers, "Int64"),
                "day": pd.Series(stamps, dtype="datetime64[us]"),
            }
        ),
        "line": pd.DataFrame(
            {"order": pd.array(lines, "Int64"), "line": pd.array(range(len(lines)), "Int64")}
        ),
    }


@fast
@given(orders())
def test_agrees_with_a_slow_reference(frames: dict[str, pd.DataFrame]) -> None:
    db = Database.open(
        frames,
        manifest=manifest(
            customer={"pkey": "key"},
            order={"pkey": "number", "fkeys": {"customer": "customer"}, "time_col": "day"},
            line={"pkey": "line", "fkeys": {"order": "order"}},
        ) | {},
    )  # fmt: skip
    db.validate()
    customers = sorted(frames["customer"]["key"])
    order = frames["order"].sort_values(["day", "number"], na_position="last")
    found = db.frame("order")
    assert found["number"].tolist() == order["number"].tolist()
    assert found["_row"].tolist() == list(range(len(order)))
    where = {key: row for row, key in enumerate(customers)}
    assert _positions(found["customer_row"]) == [where.get(c, -1) for c in order["customer"]]
    null = int(order["customer"].isna().sum())
    dangling = sum(c not in where for c in order["customer"].dropna())
    counts = {"order.customer: null": null, "order.customer: dangling": dangling}
    counts["order.day: null"] = int(order["day"].isna().sum())
    assert {d: n for d, n in db.schema.defects.items() if d in counts} == {
        d: n for d, n in counts.items() if n
    }


@fast
@given(orders())
def test_lines_inherit_the_time_of_their_order(frames: dict[str, pd.DataFrame]) -> None:
    stated = manifest(
        customer={},
        order={"pkey": "number", "time_col": "day"},
        line={"pkey": "line", "fkeys": {"order": "order"}},
    )
    del stated["tables"]["line"]["time_col"]
    db = Database.open(frames, manifest=stated)
    day = dict(zip(frames["order"]["number"], frames["order"]["day"]))
    lines = frames["line"].assign(day=[day[o] for o in frames["line"]["order"]])
    lines = lines.sort_values(["day", "line"], na_position="last")
    assert db.frame("line")["line"].tolist() == lines["line"].tolist()
    if len(lines):
        seconds = times.seconds(lines["day"].astype("datetime64[us]"), rounding="up")
        np.testing.assert_array_equal(db.times("line"), seconds)


def test_a_stated_null_time_keeps_a_table_static() -> None:
    frames = {"p": pd.DataFrame({"id": [1], "at": [DAY]}), "c": pd.DataFrame({"p": [1]})}
    block = {"fkeys": {"p": "p"}}
    db = Database.open(frames, manifest=manifest(p={"pkey": "id", "time_col": "at"}, c=block))
    assert db.times("c") is None
    assert db.schema.static_tables == ["c"]


def test_times_come_down_a_chain_as_the_latest_of_all_parents() -> None:
    late, early = DAY + pd.Timedelta(days=9), DAY
    frames = {
        "a": pd.DataFrame({"id": [1, 2], "at": [early, late]}),
        "z": pd.DataFrame({"id": [1, 2], "at": [early, late]}),
        "b": pd.DataFrame({"id": [1, 2, 3], "a": [1, 1, 2]}),
        "c": pd.DataFrame({"b": [1, 2, 3], "z": [1, 2, None]}),
    }
    stated = manifest(
        a={"pkey": "id", "time_col": "at"},
        z={"pkey": "id", "time_col": "at"},
        b={"pkey": "id", "fkeys": {"a": "a"}},
        c={"pkey": "b", "fkeys": {"b": "b", "z": "z"}},
    )
    for name in "bc":
        del stated["tables"][name]["time_col"]
    db = Database.open(frames, manifest=stated)
    assert db.frame("b")["_time"].tolist() == [early, early, late]
    assert dict(zip(db.frame("c")["b"], db.frame("c")["_time"])) == {1: early, 2: late, 3: late}


def test_a_row_of_an_unknown_parent_time_is_unknown_too() -> None:
    frames = {
        "a": pd.DataFrame({"id": [1, 2], "at": [DAY, None]}),
        "b": pd.DataFrame({"a": [1, 2], "other": [2, 1]}),
    }
    stated = manifest(
        a={"pkey": "id", "time_col": "at"}, b={"pkey": "a", "fkeys": {"a": "a", "other": "a"}}
    )
    del stated["tables"]["b"]["time_col"]
    db = Database.open(frames, manifest=stated)
    assert db.times("b").tolist() == [UNKNOWN_TIME, UNKNOWN_TIME]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_cycles_and_references_to_oneself(rows: int) -> None:
    ids = list(range(rows))
    frames = {
        "a": pd.DataFrame({"id": ids, "b": ids[::-1], "self": ids}, dtype="int64"),
        "b": pd.DataFrame({"id": ids, "a": ids}, dtype="int64"),
    }
    stated = manifest(
        a={"pkey": "id", "fkeys": {"b": "b", "self": "a"}}, b={"pkey": "id", "fkeys": {"a": "a"}}
    )
    for name in "ab":
        del stated["tables"][name]["time_col"]
    db = Database.open(frames, manifest=stated)
    assert _positions(db.frame("a")["b_row"]) == ids[::-1]
    assert _positions(db.frame("a")["self_row"]) == ids
    assert db.times("a") is None


def test_two_rows_of_one_key_are_an_error_with_examples() -> None:
    ids = [*range(20), *range(8), 3]
    frames = {"t": pd.DataFrame({"id": ids, "x": 0}), "u": pd.DataFrame({"t": [1]})}
    with pytest.raises(SchemaError) as caught:
        Database.open(frames, manifest=manifest(t={"pkey": "id"}, u={"fkeys": {"t": "t"}}))
    assert "table 't': key (id) is not unique" in str(caught.value)
    assert "3 in 3 rows; 0 in 2 rows; 1 in 2 rows; 2 in 2 rows; 4 in 2 rows;" in str(caught.value)
    pair = pd.DataFrame({"x": ["a", "a", "b"], "y": [1, 1, 1]})
    with pytest.raises(SchemaError, match=r"\('a', 1\) in 2 rows"):
        Database.open({"t": pair}, manifest=manifest(t={"pkey": ["x", "y"]}))


def test_null_primary_keys_are_counted_and_found_by_nobody() -> None:
    frames = {
        "p": pd.DataFrame({"id": ["a", None, None], "x": [1, 2, 3]}),
        "c": pd.DataFrame({"p": ["a", None]}),
    }
    db = Database.open(frames, manifest=manifest(p={"pkey": "id"}, c={"fkeys": {"p": "p"}}))
    assert db.schema.defects == {"p: null primary key": 2, "c.p: null": 1}
    assert db.frame("p")["x"].tolist() == [1, 2, 3]
    assert _positions(db.frame("c")["p_row"]) == [0, -1]


@pytest.mark.parametrize(
    ("child", "parent", "expected"),
    [
        ([1, 2, 5], [1.0, 2.0, 3.0], [0, 1, -1]),
        ([1.0, None, 2.5], [1, 2, 3], [0, -1, -1]),
        (["1", "x", None], [1, 2, 3], [0, -1, -1]),
        ([2, 1, 3], ["1", "2", "x"], [1, 0, -1]),
        ([2.0, None, 1.5], ["1", "2", "1.5"], [2, -1, -1]),
        ([True, False, None], ["true", "false", "x"], [1, 0, -1]),
        (["2020-01-01", "x", None], [DAY, DAY + pd.Timedelta(1, "D"), None], [0, -1, -1]),
    ],
)
def test_keys_of_different_types_are_compared_as_values(
    child: list[Any], parent: list[Any], expected: list[int]
) -> None:
    frames = {"p": pd.DataFrame({"id": parent}), "c": pd.DataFrame({"p": child})}
    db = Database.open(frames, manifest=manifest(p={"pkey": "id"}, c={"fkeys": {"p": "p"}}))
    assert _positions(db.frame("c")["p_row"]) == expected


DAYS = pd.Series([DAY, DAY + pd.Timedelta(days=1)])
TIMES = {
    "seconds": [1577836800, 1577923200],
    "milliseconds": [1577836800000, 1577923200000],
    "microseconds": [1577836800000000, 1577923200000000],
    "nanoseconds": [1577836800000000000, 1577923200000000000],
    "float seconds": [1577836800.0, 1577923200.0],
    "text": ["2020-01-01", "2020-01-02"],
    "text with a zone": ["2020-01-01T05:30+05:30", "2020-01-02T00:00:00Z"],
    "dates": [DAY.date(), (DAY + pd.Timedelta(days=1)).date()],
    **{unit: DAYS.dt.as_unit(unit) for unit in ("s", "ms", "us", "ns")},
    "zoned": DAYS.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
}


@pytest.mark.parametrize("unit", TIMES)
def test_every_unit_of_time_is_the_same_time(unit: str) -> None:
    frames = {"t": pd.DataFrame({"at": TIMES[unit], "n": [0, 1]})}
    db = Database.open(frames, manifest=manifest(t={"time_col": "at"}))
    assert db.times("t").tolist() == [1577836800, 1577923200]
    time_col = db.schema.table("t").time_col
    assert db.schema.table("t").column(str(time_col)).type == "timestamp[ns]"
    if isinstance(TIMES[unit][0], int | float):
        assert (time_col, db.frame("t")["at"].tolist()) == ("_time", TIMES[unit])


def test_values_that_are_no_time_are_unknown_and_counted() -> None:
    for values in (["soon", "2020-01-01", None], [float("inf"), 1577836800.0, None]):
        frames = {"t": pd.DataFrame({"at": values})}
        db = Database.open(frames, manifest=manifest(t={"time_col": "at"}))
        assert db.times("t").tolist() == [1577836800, UNKNOWN_TIME, UNKNOWN_TIME]
        time_col = db.schema.table("t").time_col
        assert db.schema.defects == {"t.at: not a time": 1, f"t.{time_col}: null": 2}


def test_a_bare_year_is_known_when_it_ends() -> None:
    db = Database.open(
        {"t": pd.DataFrame({"year": [2019, 1871]})}, manifest=manifest(t={"time_col": "year"})
    )
    assert db.frame("t")["_time"].tolist() == [pd.Timestamp("1872-01-01"), DAY]


def test_instants_beyond_nanoseconds_keep_microseconds_everywhere() -> None:
    frames = {
        "old": pd.DataFrame({"at": pd.Series([DAY, pd.Timestamp("1066-10-14")], dtype="M8[us]")}),
        "new": pd.DataFrame({"at": [DAY]}),
    }
    db = Database.open(frames, manifest=manifest(old={"time_col": "at"}, new={"time_col": "at"}))
    assert [db.schema.table(t).column("at").type for t in frames] == ["timestamp[us]"] * 2
    assert db.times("old").tolist() == [times.instant("1066-10-14"), 1577836800]


def test_null_times_are_hidden_unless_stated_visible() -> None:
    frames = {"t": pd.DataFrame({"at": [None, DAY], "n": [0, 1]})}
    for rule, expected in (("hidden", UNKNOWN_TIME), ("visible", STATIC_TIME)):
        block = {"time_col": "at", "null_times": rule}
        db = Database.open(frames, manifest=manifest(t=block))
        assert db.frame("t")["n"].tolist() == [1, 0]
        assert db.times("t").tolist() == [1577836800, expected]


def test_names_that_hgl_adds_give_way_to_the_users() -> None:
    frames = {
        "p": pd.DataFrame({"_row": [5], "_ROW_": [1], "_time": [1], "order date": [DAY]}),
        "c": pd.DataFrame({"p": [5], "p_row": ["mine"], "hgl:source order": [3]}),
    }
    stated = manifest(p={"pkey": "_row", "time_col": "order date"}, c={"fkeys": {"p": "p"}})
    db = Database.open(frames, manifest=stated)
    db.validate()
    assert list(db.frame("p")) == ["_row", "_ROW_", "_time", "order date", "_time_", "_row__"]
    assert list(db.frame("c")) == ["p", "p_row", "hgl:source order", "p_row_", "_row"]
    assert db.frame("c")["p_row_"].tolist() == [0]


def test_a_time_column_that_relbench_cannot_name_is_copied() -> None:
    for name in ("order date", "class", "2nd"):
        db = Database.open(
            {"t": pd.DataFrame({name: [DAY]})}, manifest=manifest(t={"time_col": name})
        )
        assert db.schema.table("t").time_col == "_time"
        assert db.frame("t")[name].tolist() == db.frame("t")["_time"].tolist() == [DAY]


def test_text_stated_to_be_a_timestamp_becomes_one() -> None:
    frames = {"t": pd.DataFrame({"at": ["2020-01-01", "soon"]})}
    stated = manifest(t={"columns": {"at": "timestamp"}})
    assert Database.open(frames, manifest=stated).frame("t")["at"].tolist() == [DAY, pd.NaT]


def test_the_split_is_proposed_by_rows_and_marked() -> None:
    days = pd.Series(pd.date_range(DAY, periods=100, freq="12h"))
    stated = manifest(t={"time_col": "at"})
    schema = Database.open({"t": pd.DataFrame({"at": days})}, manifest=stated).schema
    assert (schema.val_timestamp, schema.test_timestamp) == ("2020-02-09", "2020-02-14")
    assert schema.proposed_timestamps
    for given_, expected in (
        (("2020-01-05", "2020-01-09"), ("2020-01-05", "2020-01-09")),
        (("2020-02-20", None), ("2020-02-20", "2020-02-21")),
        ((None, "2020-01-09"), ("2020-01-08", "2020-01-09")),
    ):
        schema = Database.open(
            {"t": pd.DataFrame({"at": days})},
            manifest=stated, val_timestamp=given_[0], test_timestamp=given_[1],
        ).schema  # fmt: skip
        assert (schema.val_timestamp, schema.test_timestamp) == expected
        assert schema.proposed_timestamps == (None in given_)
    with pytest.raises(ValueError, match="val_timestamp 2020-02-02 is not before test_timestamp"):
        Database.open(
            {"t": pd.DataFrame({"at": days})},
            manifest=stated, val_timestamp="2020-02-02", test_timestamp="2020-02-02",
        )  # fmt: skip


def test_large_tables_survive_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrange, "_MEMORY", ("1MB", None))
    frame = pd.DataFrame({"id": np.random.default_rng(0).permutation(200_000)})
    db = Database.open({"t": frame}, manifest=manifest(t={"pkey": "id"}))
    assert db.frame("t")["id"].tolist() == list(range(200_000))


def _positions(column: pd.Series) -> list[int]:
    return [int(v) for v in column.fillna(-1)]
