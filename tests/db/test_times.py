"""Time is one thing, whatever unit it came in."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.db import times
from hgl.errors import ConfigError
from hgl.typing import UNKNOWN_TIME

OCTOBER = 1380585600  # 2013-10-01
WHOLE = pd.Series(pd.to_datetime(["2013-10-01", None]))
ARROW = pa.array([OCTOBER, None]).cast(pa.timestamp("s"))
UNITS = ("s", "ms", "us", "ns")

SOURCES: list[tuple[str, Any]] = [
    *((f"pandas {unit}", WHOLE.dt.as_unit(unit)) for unit in UNITS),
    *((f"zoned {unit}", WHOLE.dt.tz_localize("Asia/Kolkata").dt.as_unit(unit)) for unit in UNITS),
    *((f"numpy {unit}", np.array(["2013-10-01", "NaT"], f"M8[{unit}]")) for unit in (*UNITS, "D")),
    *((f"arrow {unit}", ARROW.cast(pa.timestamp(unit))) for unit in UNITS),
    ("arrow zoned", pa.chunked_array([pa.array([OCTOBER, None]).cast(pa.timestamp("s", "UTC"))])),
    ("arrow date", pa.array([datetime.date(2013, 10, 1), None])),
    ("dates", [datetime.date(2013, 10, 1), None]),
    ("text", ["2013-10-01", None]),
    ("text with a zone", ["2013-10-01T05:30:00+05:30", None]),
    ("text in UTC", pd.Series(["2013-10-01T00:00:00Z", None])),
    ("seconds", pd.Series([OCTOBER, None], dtype="Int64")),
    ("pandas on arrow", WHOLE.astype(pd.ArrowDtype(pa.timestamp("us")))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values"), SOURCES, ids=[name for name, _ in SOURCES])
@pytest.mark.parametrize("rounding", ["up", "down"])
def test_every_unit_gives_the_same_seconds(
    name: str, values: Any, rounding: times.Rounding
) -> None:
    wall_clock = OCTOBER - 19800 if name.startswith("zoned") else OCTOBER
    found = times.seconds(values, rounding=rounding)
    assert found.dtype == np.int64
    assert found.tolist() == [wall_clock, UNKNOWN_TIME]


@given(ticks=st.integers(-(10**17), 10**17), unit=st.sampled_from(["ms", "us", "ns"]))
def test_rows_round_up_and_seeds_round_down(ticks: int, unit: str) -> None:
    per_second = {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    values = np.array([ticks], f"M8[{unit}]")
    (up,) = times.seconds(values, rounding="up").tolist()
    (down,) = times.seconds(values, rounding="down").tolist()
    assert (up - 1) * per_second < ticks <= up * per_second
    assert down * per_second <= ticks < (down + 1) * per_second
    assert times.instant(pd.Timestamp(values[0])) == down


@given(st.integers(-(2**33), 2**33))
def test_text_comes_back(time: int) -> None:
    assert times.instant(times.text(time)) == time


@pytest.mark.parametrize(
    "value", ["soon", "", None, "2013-13-01", float("nan"), 1.5, True, 10**12, -(10**30)]
)
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="is not an instant"):
        times.instant(value)


@pytest.mark.parametrize("values", [["soon"], [0.5], pd.Series([True])])
def test_values_that_are_no_times_are_refused(values: Any) -> None:
    with pytest.raises(ConfigError):
        times.seconds(values, rounding="up")


def test_durations() -> None:
    assert times.duration("7 days") == 7 * 86400
    assert times.duration("1h") == times.duration(3600) == 3600
    for wrong in ("soon", "0 days", "-1 day", "0.5 s", -5, None):
        with pytest.raises(ConfigError, match="duration"):
            times.duration(wrong)  # type: ignore[arg-type]


def test_no_values_are_no_seconds() -> None:
    assert times.seconds([], rounding="up").shape == (0,)
    assert times.seconds([None], rounding="up").tolist() == [UNKNOWN_TIME]


def test_a_duration_in_small_letters_is_one_and_a_flag_is_none() -> None:
    assert times.duration("30 d") == times.duration("30 D") == 30 * 86400
    with pytest.raises(ConfigError, match="duration True is not a positive"):
        times.duration(True)
