"""Seed times against RelBench's rule, written as `pandas.date_range` the way RelBench does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hgl.errors import TaskError
from hgl.tasks.splits import Bounds, check_order, seed_times


def relbench(split: str, b: Bounds, timedelta: int, num_eval: int) -> np.ndarray:
    delta = pd.Timedelta(seconds=timedelta)
    val, test = pd.Timestamp(b.val, unit="s"), pd.Timestamp(b.test, unit="s")
    if split == "train":
        start, end, step = val - delta, pd.Timestamp(b.first, unit="s"), -delta
    elif split == "val":
        start, end, step = val, min(val + delta * (num_eval - 1), test - delta), delta
    else:
        last = pd.Timestamp(b.last, unit="s")
        start, end, step = test, min(test + delta * (num_eval - 1), last - delta), delta
    stamps = pd.date_range(start=start, end=end, freq=step)
    return np.sort(stamps.to_numpy().astype("datetime64[s]").astype(np.int64))


@given(
    split=st.sampled_from(["train", "val", "test"]),
    timedelta=st.integers(1, 400),
    train=st.integers(0, 3000),
    between=st.integers(0, 3000),
    after=st.integers(0, 3000),
    num_eval=st.integers(1, 20),
    first=st.integers(-(10**9), 10**9),
)
def test_seed_times_are_those_of_relbench(
    split: str, timedelta: int, train: int, between: int, after: int, num_eval: int, first: int
) -> None:
    val = first + train
    test = val + between
    bounds = Bounds(first, test + after, test, val, test)
    assume(between >= timedelta)
    assume(split != "train" or train // timedelta >= 3)
    assume(split != "test" or after >= timedelta)
    found = seed_times(split, bounds, timedelta=timedelta, num_eval_timestamps=num_eval)
    np.testing.assert_array_equal(found, relbench(split, bounds, timedelta, num_eval))
    assert found.dtype == np.int64
    assert (np.diff(found) == timedelta).all()


def test_windows_stay_in_their_split() -> None:
    bounds = Bounds(first=0, last=205, last_before_test=150, val=100, test=150)
    step = 20
    train = seed_times("train", bounds, timedelta=step, num_eval_timestamps=9)
    val = seed_times("val", bounds, timedelta=step, num_eval_timestamps=9)
    test = seed_times("test", bounds, timedelta=step, num_eval_timestamps=9)
    assert train.tolist() == [0, 20, 40, 60, 80]
    assert val.tolist() == [100, 120]
    assert test.tolist() == [150, 170]


def test_num_train_timestamps_keeps_the_latest() -> None:
    bounds = Bounds(first=0, last=300, last_before_test=150, val=100, test=150)
    found = seed_times("train", bounds, timedelta=20, num_train_timestamps=2)
    assert found.tolist() == [60, 80]


@pytest.mark.parametrize(
    ("split", "bounds", "said"),
    [
        ("train", Bounds(50, 300, 150, 100, 150), "3 are needed"),
        ("train", Bounds(500, 700, 150, 100, 150), r"^0 training seed time"),
        ("val", Bounds(0, 300, 110, 100, 150), "val labels would be incomplete"),
        ("test", Bounds(0, 160, 150, 100, 150), "test labels would be incomplete"),
    ],
)
def test_too_little_time_is_refused(split: str, bounds: Bounds, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        seed_times(split, bounds, timedelta=20)


def test_a_horizon_of_seconds_over_years_is_refused() -> None:
    bounds = Bounds(first=0, last=10**9, last_before_test=9 * 10**8, val=8 * 10**8, test=9 * 10**8)
    with pytest.raises(TaskError, match="timedelta=7 s makes 114285714 training seed times"):
        seed_times("train", bounds, timedelta=7)
    assert len(seed_times("train", bounds, timedelta=7, num_train_timestamps=50)) == 50


def test_validation_may_not_be_after_the_test() -> None:
    with pytest.raises(TaskError, match="1970-01-02 is not before test_timestamp=1970-01-01"):
        check_order(86400, 0, 10)


def test_validation_may_not_reach_into_the_test_period() -> None:
    check_order(100, 120, 20)
    with pytest.raises(TaskError, match="reach into the test period"):
        check_order(100, 119, 20)
