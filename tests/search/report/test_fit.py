"""Fits give the textbook's values, and intervals no narrower than the data allow."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hgl.search.report.fit import Fit, mean_interval


def test_mean_has_students_interval() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx((4.0, *expected))


def test_one_value_has_no_interval() -> None:
    mean, low, high = mean_interval(np.array([0.7]))
    assert mean == 0.7
    assert np.isnan([low, high]).all()


def test_agrees_with_leaving_rows_out_one_by_one() -> None:
    """HC3's variance is the sum over rows of how far the estimate moves without that row."""
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(20), rng.integers(0, 2, (20, 3))]).astype(float)
    answer = rng.standard_normal(20)
    weights = np.array([0, 1.0, 0, -1])
    value, low, high = Fit(design, answer).estimate(weights)
    whole = weights @ np.linalg.lstsq(design, answer)[0]
    without = [
        weights @ np.linalg.lstsq(np.delete(design, row, 0), np.delete(answer, row))[0]
        for row in range(20)
    ]
    margin = stats.t.ppf(0.975, 16) * np.sqrt(np.sum((np.array(without) - whole) ** 2))
    assert (value, low, high) == pytest.approx((whole, whole - margin, whole + margin))


def test_what_never_varies_or_only_together_is_nan() -> None:
    design = np.array([[1, 0, 0, 0], [1, 0, 1, 1], [1, 0, 0, 0], [1, 0, 1, 1.0]])
    fit = Fit(design, np.array([1, 2, 1.5, 3]))
    for column in (1, 2, 3):
        assert np.isnan(fit.estimate(np.eye(4)[column])).all()
    assert fit.estimate(np.array([0, 0, 1, 1.0]))[0] == pytest.approx(2.5 - 1.25)


def test_what_one_row_alone_tells_has_no_interval() -> None:
    design = np.array([[1, 0], [1, 0], [1, 0], [1, 1.0]])
    value, low, high = Fit(design, np.array([1, 2, 3, 5])).estimate(np.array([0, 1.0]))
    assert value == pytest.approx(3)
    assert np.isnan([low, high]).all()
