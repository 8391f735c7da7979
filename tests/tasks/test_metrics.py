"""Scores on tables small enough to work out by hand; undefined ones are nan."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hgl.errors import TaskError
from hgl.tasks.metrics import DEFAULT_METRIC, KINDS, METRICS, evaluate, metrics_of


def test_binary() -> None:
    target = np.array([0.0, 0.0, 1.0, 1.0])
    found = evaluate("binary", target, np.array([0.1, 0.6, 0.4, 0.9]))
    # of the four (negative, positive) pairs only (0.6, 0.4) is in the wrong order
    assert found["roc_auc"] == pytest.approx(3 / 4)
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found["accuracy"] == pytest.approx(2 / 4)
    assert found["f1"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 1))
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.4, 0.9]).mean())
    assert "roc_auc_per_timestamp" not in found


def test_auroc_per_timestamp_ignores_drift_between_times() -> None:
    target = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    prediction = np.array([0.1, 0.2, 0.8, 0.9, 0.5])
    time = np.array([1, 1, 2, 2, 3])
    found = evaluate("binary", target, prediction, time=time)
    assert found["roc_auc_per_timestamp"] == 1.0  # the last time has one class and does not count
    assert found["roc_auc"] == pytest.approx(4 / 6)


def test_regression() -> None:
    target, prediction = np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 3.0])
    found = evaluate("regression", target, prediction, train_std=2.0)
    assert found["mae"] == pytest.approx(4 / 3)
    assert found["rmse"] == pytest.approx(math.sqrt(10 / 3))
    assert found["r2"] == pytest.approx(1 - 10 / 14)
    assert found["nmae"] == pytest.approx(2 / 3)
    assert "nmae" not in evaluate("regression", target, prediction)


def test_multiclass() -> None:
    target = np.array([0, 0, 1, 2])
    prediction = np.eye(3)[[0, 1, 1, 0]] * 0.7 + 0.1
    found = evaluate("multiclass", target, prediction)
    assert found["accuracy"] == pytest.approx(2 / 4)
    assert found["macro_f1"] == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)
    assert found["log_loss"] == pytest.approx(-np.log([0.8, 0.1, 0.8, 0.1]).mean())


def test_multilabel() -> None:
    target = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    prediction = np.array([[0.9, 0.2], [0.95, 0.1], [0.8, 0.6]])
    found = evaluate("multilabel", target, prediction)
    assert found["macro_roc_auc"] == 0.0  # the second label never occurs and does not count
    assert found["micro_roc_auc"] == pytest.approx(6 / 8)
    assert found["micro_f1"] == pytest.approx(2 * 2 / (2 * 2 + 2))


@pytest.mark.parametrize(
    ("kind", "target", "prediction", "undefined"),
    [
        ("binary", np.ones(3), np.full(3, 0.4), {"roc_auc"}),
        ("binary", np.zeros(3), np.full(3, 0.4), {"roc_auc", "average_precision", "f1"}),
        ("regression", np.ones(3), np.zeros(3), {"r2"}),
        ("multilabel", np.ones((3, 2)), np.ones((3, 2)), {"macro_roc_auc", "micro_roc_auc"}),
    ],
)
def test_undefined_scores_are_nan(
    kind: str, target: np.ndarray, prediction: np.ndarray, undefined: set[str]
) -> None:
    found = evaluate(kind, target, prediction)
    assert {name for name, score in found.items() if math.isnan(score)} == undefined


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_give_nan(kind: str) -> None:
    wide = kind in ("multiclass", "multilabel", "recommendation")
    target = np.zeros((0, 3)) if kind == "multilabel" else np.zeros(0)
    found = evaluate(kind, target, np.zeros((0, 3)) if wide else np.zeros(0))
    assert found
    assert all(math.isnan(score) for score in found.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_default(kind: str) -> None:
    assert DEFAULT_METRIC[kind] in metrics_of(kind)


def test_direction() -> None:
    lower = {name for name, metric in METRICS.items() if not metric.higher_is_better}
    assert lower == {"mae", "rmse", "nmae", "log_loss"}


@pytest.mark.parametrize(
    ("kind", "target", "prediction", "said"),
    [
        ("binary", np.zeros(3), np.zeros(2), "shape"),
        ("multiclass", np.zeros(3), np.zeros(3), "2 dimension"),
        ("multilabel", np.zeros((3, 2)), np.zeros((3, 3)), "shape"),
        ("regression", np.zeros(2), np.array([0.0, np.nan]), "1 of 2 values are not finite"),
        ("ranking", np.zeros(2), np.zeros(2), "kind='ranking'"),
    ],
)
def test_bad_predictions_are_refused(
    kind: str, target: np.ndarray, prediction: np.ndarray, said: str
) -> None:
    with pytest.raises(TaskError, match=said):
        evaluate(kind, target, prediction)


@pytest.mark.parametrize("values", [3, 50, 10**9])
def test_auroc_is_scikit_learns_ties_and_all(values: int) -> None:
    random = np.random.default_rng(values)
    target = random.integers(2, size=500).astype(float)
    prediction = random.integers(values, size=500) / values
    found = evaluate("binary", target, prediction)["roc_auc"]
    assert found == pytest.approx(roc_auc_score(target, prediction), abs=1e-12)
