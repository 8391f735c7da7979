"""Few columns that score as well as all: what a served model has to fetch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.errors import ConfigError, check_range
from hgl.tasks.boosting import boost, plain
from hgl.tasks.metrics import KINDS

log = logging.getLogger(__name__)

SIZES = (8, 16, 32, 64, 128)
"""Numbers of columns tried beside all of them."""
_LEAST = 1e-12


def prune(
    train: FeatureTable,
    y: np.ndarray,
    val: FeatureTable,
    y_val: np.ndarray,
    kind: str,
    *,
    most: int = 64,
) -> FeaturePlan:
    """Return the plan of the fewest columns that validation cannot tell from the best choice.

    LightGBM, fitted to all columns, ranks them by gain; then the first 8, 16, 32, ... and all are
    fitted alone. A choice is as good as the best where its validation loss (log loss, or absolute
    error) exceeds that of the best by no more than one standard error of the rows' differences.
    Where no choice of at most `most` columns is as good, the best of those is returned. The same
    input gives the same plan.

    Args:
        y, y_val: [n] numbers (regression, binary), codes (multiclass), or [n, labels] zeros and
            ones (multilabel).
        kind: `binary`, `multiclass`, `multilabel` or `regression`.
        most: columns kept at most.
    Raises: MissingExtra: LightGBM is absent. ConfigError: `kind` or `most` is not what is expected,
        or rows and answers differ in number.
    """
    check_range("most", most, 1)
    _check(kind, {"y": (train, y), "y_val": (val, y_val)})
    frames = train.frame(), val.frame()

    def fit(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _fit(kind, [frame.iloc[:, chosen] for frame in frames], y, y_val)

    gain, loss = fit(np.arange(len(train.plan.features)))
    order = np.argsort(-gain, kind="stable")[: max(1, int((gain > 0).sum()))]
    losses = {len(order): loss} | {
        size: fit(np.sort(order[:size]))[1]
        for size in dict.fromkeys((*SIZES, most))
        if size < len(order)
    }
    size = _smallest(losses, most)
    log.info("%d of %d columns kept, validation loss %.4f", size, len(gain), losses[size].mean())
    features = (*train.plan.numerical, *train.plan.categorical)
    return train.plan.keep({features[i].name for i in order[:size]})


def _fit(
    kind: str, frames: Sequence[pd.DataFrame], y: np.ndarray, y_val: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gain of each column, [columns], and the validation loss, [n]."""
    pairs = [(y, y_val)]
    if kind == "multilabel":
        pairs = [(y[:, i], y_val[:, i]) for i in range(y.shape[1])]
    found = [_fit_one(kind, frames, *pair) for pair in pairs]
    gains, losses = zip(*found, strict=True)
    return np.mean(gains, axis=0), np.mean(losses, axis=0)


def _fit_one(
    kind: str, frames: Sequence[pd.DataFrame], y: np.ndarray, y_val: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    train, val = frames
    model = boost(kind, train, y, val, y_val, purpose="choosing columns", extra="distill")
    gain = model.feature_importance("gain", iteration=model.best_iteration)
    return gain / max(gain.sum(), _LEAST), _loss(kind, y_val, model.predict(plain(val)))


def _loss(kind: str, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Loss of each row: [n]."""
    if kind == "regression":
        return np.abs(predicted - y)
    if kind == "multiclass":
        right = predicted[np.arange(len(y)), y.astype(np.int64)]
    else:
        right = np.where(y > 0.5, predicted, 1 - predicted)
    return -np.log(np.maximum(right, _LEAST))


def _smallest(losses: Mapping[int, np.ndarray], most: int) -> int:
    """Return the smallest number of columns that is as good as the best, by losses of rows."""
    best = min(losses, key=lambda size: (losses[size].mean(), size))
    allowed = sorted(size for size in losses if size <= most)
    for size in allowed:
        worse = losses[size] - losses[best]
        if worse.mean() <= worse.std() / len(worse) ** 0.5:
            return size
    return min(allowed, key=lambda size: (losses[size].mean(), size))


def _check(kind: str, parts: Mapping[str, tuple[FeatureTable, np.ndarray]]) -> None:
    if kind not in KINDS:
        raise ConfigError(f"kind={kind!r}; expected one of {', '.join(KINDS)}")
    for name, (table, answers) in parts.items():
        if not len(table) == len(answers) > 0:
            raise ConfigError(f"{name} has {len(answers)} rows; expected {len(table)}, at least 1")
