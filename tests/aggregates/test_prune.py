"""Few columns kept where few carry the answer, whatever the kind of the answer."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hgl.aggregates.feature import Feature
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.prune import prune
from hgl.aggregates.table import FeatureTable
from hgl.errors import ConfigError, MissingExtra

NOISE = 30
TELLS = "value number 3", "value text"


def made_up(n: int, seed: int) -> tuple[FeatureTable, np.ndarray]:
    """Thirty numbers and a text of three values; `score` is one number plus the text's code."""
    random = np.random.default_rng(seed)
    numbers = tuple(Feature("value", column=f"number {i}") for i in range(NOISE))
    text = Feature("value", column="text", categorical=True)
    plan = FeaturePlan("made up", "inclusive", (*numbers, text), {text.name: ("a", "b", "c")})
    numerical = random.normal(size=(n, NOISE))
    numerical[random.random((n, NOISE)) < 0.1] = np.nan
    codes = random.integers(0, 5, (n, 1))
    score = np.nan_to_num(numerical[:, 3]) + (codes[:, 0] - 2)
    return FeatureTable(plan, numerical, codes), score


def answers(kind: str, score: np.ndarray) -> np.ndarray:
    if kind == "regression":
        return score
    if kind == "binary":
        return (score > 0).astype(float)
    if kind == "multiclass":
        return np.digitize(score, [-1, 1])
    return np.stack([score > 0, score > 1], axis=1).astype(float)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_the_columns_that_tell_are_kept_and_most_others_are_not(kind: str):
    (train, score), (val, val_score) = made_up(600, 0), made_up(300, 1)
    y, y_val = answers(kind, score), answers(kind, val_score)
    plan = prune(train, y, val, y_val, kind)
    names = [f.name for f in plan.features]
    assert set(TELLS) <= set(names)
    assert len(names) <= 16
    assert plan == prune(train, y, val, y_val, kind)
    assert list(train.keep(plan).frame()) == names


def test_no_more_than_asked_are_kept():
    (train, score), (val, val_score) = made_up(600, 0), made_up(300, 1)
    plan = prune(train, score, val, val_score, "regression", most=2)
    assert {f.name for f in plan.features} == set(TELLS)


def test_answers_of_another_length_and_another_kind_are_refused():
    table, score = made_up(20, 0)
    with pytest.raises(ConfigError, match="y_val has 3 rows; expected 20"):
        prune(table, score, table, score[:3], "regression")
    with pytest.raises(ConfigError, match="kind='ranking'; expected one of binary"):
        prune(table, score, table, score, "ranking")


def test_without_lightgbm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    table, score = made_up(20, 0)
    with pytest.raises(MissingExtra, match="choosing columns needs LightGBM"):
        prune(table, score, table, score, "regression")
