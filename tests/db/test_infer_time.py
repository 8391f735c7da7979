"""The moment a row became known is found, and later moments never stand in for it."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.db.infer import infer_time
from hgl.db.infer_words import LATER
from tests.db.undeclared import Values, opened_table

DAYS = [datetime.datetime(2020, 1, 1) + datetime.timedelta(days=i) for i in range(40)]
LATE = [day + datetime.timedelta(days=30) for day in DAYS]
TEXTS = [day.isoformat() for day in DAYS]


def time_of(name: str, columns: Values, **stated: object) -> str | None:
    connection, table = opened_table(name, columns)
    table = dataclasses.replace(table, **stated)  # type: ignore[arg-type]
    return infer_time(connection, table)[0].time_col


def test_creation_is_preferred_to_everything_else() -> None:
    columns = {"due_date": DAYS, "date": LATE, "created_at": DAYS, "updated_at": LATE}
    assert time_of("tasks", columns) == "created_at"


def test_the_table_names_its_own_date() -> None:
    columns = {"RequiredDate": LATE, "ShippedDate": LATE, "EntryPoint": DAYS, "OrderDate": DAYS}
    assert time_of("Orders", {k: v for k, v in columns.items() if k != "EntryPoint"}) == "OrderDate"


@pytest.mark.parametrize("word", sorted(w for w in LATER if len(w) > 2))
def test_what_is_told_later_is_never_the_time(word: str) -> None:
    assert time_of("things", {"id": list(range(40)), f"{word}_date": DAYS}) is None


@pytest.mark.parametrize("name", ["birthdate", "lastUpdated", "DOB", "expires_at", "valid_from"])
def test_nor_however_it_is_written(name: str) -> None:
    assert time_of("things", {name: DAYS}) is None


@pytest.mark.parametrize(
    "name", ["createdat", "orderdate", "time_hour", "Date", "timestamp", "t_dat", "InvoiceDate"]
)
def test_text_that_reads_as_instants_counts(name: str) -> None:
    assert time_of("orders", {"id": list(range(40)), name: TEXTS}) == name


def test_other_text_does_not() -> None:
    columns = {"date": [f"{d.day}/{d.month}/20" for d in DAYS], "time": ["14:00:00"] * 40}
    assert time_of("races", columns) is None


def test_fewer_nulls_win_and_many_lose() -> None:
    half = [None if i % 2 else d for i, d in enumerate(DAYS)]
    assert time_of("calls", {"start_time": half, "call_time": DAYS}) == "call_time"
    assert time_of("calls", {"created_at": [None] * 25 + DAYS[:15]}) is None


def test_the_same_instant_in_every_row_tells_of_a_load() -> None:
    assert time_of("imports", {"created_at": DAYS[:1] * 40}) is None


def test_epoch_numbers_count_where_they_are_called_so() -> None:
    seconds = [int(d.timestamp()) for d in DAYS]
    assert time_of("events", {"timestamp": seconds}) == "timestamp"
    assert time_of("events", {"created_ms": [s * 1000 for s in seconds]}) == "created_ms"
    assert time_of("events", {"account_number": seconds}) is None
    assert time_of("events", {"time": list(range(40))}) is None


def test_a_year_counts_only_as_part_of_a_key_and_when_nothing_is_better() -> None:
    years = list(range(1980, 2020))
    assert time_of("planes", {"tail": TEXTS[:0] or ["N"] * 40, "year": years}) is None
    keyed = {"player": list(range(40)), "year": years}
    assert time_of("batting", keyed, pkey=("player", "year")) == "year"
    assert time_of("batting", {"yearID": years, "hits": years}) == "yearID"
    assert time_of("batting", {**keyed, "date": DAYS}, pkey=("player", "year")) == "date"
    assert time_of("people", {"birth_year": years}, pkey=("birth_year",)) is None


def test_the_reason_says_so() -> None:
    connection, table = opened_table("batting", {"yearID": list(range(1980, 2020))})
    timed, (finding,) = infer_time(connection, table)
    assert "a bare year, known when it ends" in timed.time_reason
    assert finding.columns == ("yearID",)
    assert {e.name for e in finding.evidence} == {"type", "name", "nulls", "spread"}


def test_a_static_table_says_what_spoke_against_its_columns() -> None:
    connection, table = opened_table("drivers", {"id": list(range(40)), "dob": DAYS})
    timed, (finding,) = infer_time(connection, table)
    assert timed.time_col is None
    assert "static" in timed.time_reason
    assert finding.columns == ()
    assert [e.name for e in finding.evidence] == ["dob"]


def test_a_stated_time_stays() -> None:
    columns = {"created_at": DAYS, "dob": DAYS}
    connection, table = opened_table("drivers", columns)
    stated = dataclasses.replace(table, time_col="dob", time_reason="stated")
    assert infer_time(connection, stated) == (stated, [])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(st.none(), st.datetimes(), st.just("x")), max_size=12))
def test_any_values_are_judged(values: list[object]) -> None:
    texts = [v.isoformat() if isinstance(v, datetime.datetime) else v for v in values]
    assert time_of("events", {"created_at": texts}) in (None, "created_at")
