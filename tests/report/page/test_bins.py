from __future__ import annotations

import numpy as np
import pytest

from hgl.report.page.bins import Bin, Pairs


def test_bins_of_probabilities_by_hand() -> None:
    said, so = np.array([0.05, 0.15, 0.12, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    pairs = Pairs.of("binary", so, said)
    assert pairs is not None
    assert [part.count for part in pairs.bins()] == [1, 2, 1]
    middle = pairs.bins()[1]
    assert (middle.predicted, middle.observed) == pytest.approx((0.135, 0.5))
    assert pairs.error() == pytest.approx((0.05 + 2 * 0.365 + 0) / 4)


def test_regression_has_bins_of_equal_count() -> None:
    values = np.arange(25.0)
    pairs = Pairs.of("regression", 2 * values, values)
    assert pairs is not None
    assert {part.count for part in pairs.bins()} == {2, 3}
    assert all(part.observed == pytest.approx(2 * part.predicted) for part in pairs.bins())


def test_of_classes_the_chosen_one_counts() -> None:
    said = np.array([[0.7, 0.3], [0.25, 0.75]])
    pairs = Pairs.of("multiclass", np.array([0, 0]), said)
    assert pairs is not None
    assert pairs.bins() == [Bin(0.725, 0.5, 2)]


def test_an_unknown_kind_has_none() -> None:
    assert Pairs.of("ranking", np.zeros(2), np.zeros(2)) is None
