"""What one column tells of another, by cases whose share is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hgl.tasks.twins import MIN_ROWS, THRESHOLD, find_twins, told

N = 6000
RANDOM = np.random.default_rng(1)
NUMBER = pd.Series(RANDOM.normal(size=N))
COIN = pd.Series(RANDOM.integers(0, 2, N))
CLASS = pd.Series(RANDOM.choice(["a", "b", "c", "d"], N)).astype(object)
OTHER = pd.Series(RANDOM.normal(size=N))
HALF = NUMBER.where(COIN == 1, OTHER)


@pytest.mark.parametrize(
    ("x", "y", "least", "most"),
    [
        pytest.param(NUMBER, NUMBER, 0.999, 1.0, id="itself"),
        pytest.param(np.exp(5 * NUMBER), NUMBER, 0.999, 1.0, id="a monotone function, far out"),
        pytest.param(NUMBER, np.exp(5 * NUMBER), 0.999, 1.0, id="its inverse"),
        pytest.param(NUMBER, NUMBER**2, 0.99, 1.0, id="a function that is not monotone"),
        pytest.param(OTHER, NUMBER, -0.1, 0.05, id="unrelated numbers"),
        pytest.param(CLASS, NUMBER, -0.1, 0.05, id="unrelated classes"),
        pytest.param(NUMBER, CLASS, -0.1, 0.05, id="classes unrelated to a number"),
        # A half of y is x and the other half anything: the mean explains a quarter of the spread.
        pytest.param(HALF, NUMBER, 0.2, 0.3, id="half of the rows"),
        pytest.param(CLASS, CLASS, 1.0, 1.0, id="the same classes"),
        pytest.param(
            CLASS, CLASS.map({"a": 1, "b": 0, "c": 0, "d": 0}), 1.0, 1.0, id="one of them"
        ),
        # Of four equal classes one is known: of the spread 3/4, a third is told.
        pytest.param((CLASS == "a").astype(int), CLASS, 0.3, 0.37, id="a class of four"),
        pytest.param(NUMBER.where(COIN == 1), COIN, 1.0, 1.0, id="whether a cell is empty"),
        pytest.param(NUMBER, NUMBER * 0 + 1, 0.0, 0.0, id="a constant"),
        pytest.param(NUMBER * np.nan, NUMBER, -0.1, 0.05, id="nothing but nulls"),
        pytest.param(pd.Series(map(str, range(N))), COIN, -0.1, 0.05, id="a key of its own"),
    ],
)
def test_what_is_told(x: pd.Series, y: pd.Series, least: float, most: float) -> None:
    assert least <= told(x, y) <= most


def test_twins_are_found_either_way_and_nothing_else() -> None:
    columns = {"noise": OTHER, "sign": NUMBER > 0, "copy": -NUMBER, "half": HALF}
    found = find_twins(columns, NUMBER)
    assert set(found) == {"sign", "copy"}  # the number tells its sign
    assert min(found.values()) >= THRESHOLD


def test_few_rows_say_nothing() -> None:
    few = NUMBER[: MIN_ROWS - 1]
    assert find_twins({"copy": few}, few) == {}
