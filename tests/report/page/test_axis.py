from __future__ import annotations

import math

import pytest

from hgl.db import times
from hgl.report.page.axis import Scale, around, short, time_ticks


def test_a_scale_maps_ends_to_ends_and_may_run_backwards() -> None:
    scale = Scale(2, 4, 100, 0)
    assert [scale(2), scale(3), scale(4)] == [100, 50, 0]
    log = Scale(1, 100, 0, 10, log=True)
    assert [log(1), log(10), log(100)] == pytest.approx([0, 5, 10])


def test_ticks_are_round_and_inside() -> None:
    assert Scale(0.57, 0.81, 0, 1).ticks(4) == pytest.approx([0.6, 0.7, 0.8])
    assert Scale(0, 1, 0, 1).ticks(least=1.0) == [0, 1]
    assert Scale(0, 7, 0, 1).ticks(least=1.0) == [0, 2, 4, 6]
    assert Scale(3, 60, 0, 1, log=True).ticks() == [5, 10, 20, 50]
    assert len(Scale(40, 48, 0, 1, log=True).ticks()) >= 3


def test_ends_leave_room_whatever_the_values() -> None:
    low, high = around([1.0, 1.0, math.nan])
    assert low < 1 < high
    assert around([math.nan]) == (0, 1)


@pytest.mark.parametrize(
    ("low", "high", "first"),
    [
        ("1950-05-13", "2023-07-30", "1960"),
        ("2013-01-01", "2013-12-31", "2013-01"),
        ("2020-04-01", "2020-04-15", "2020-04-02"),
    ],
)
def test_times_are_marked_in_the_calendar(low: str, high: str, first: str) -> None:
    marks = time_ticks(times.instant(low), times.instant(high))
    assert 3 <= len(marks) <= 8
    assert marks[0][1] == first
    assert all(
        at == times.instant(text if len(text) > 4 else f"{text}-01-01") for at, text in marks
    )


def test_numbers_are_short() -> None:
    assert [short(v) for v in (0, 0.25, 1234.5678, 2e6, 1e-5)] == [
        "0",
        "0.25",
        "1235",
        "2e6",
        "1e-5",
    ]
