"""LightGBM on any table of columns: what most people would try first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hgl.errors import MissingExtra
from hgl.tasks.seeds import SeedTable

_OBJECTIVES = {
    "binary": "binary",
    "multilabel": "binary",
    "multiclass": "multiclass",
    "regression": "l1",
}
_MAX_ROUNDS, _PATIENCE = 1000, 50


def boost(
    kind: str,
    columns: pd.DataFrame,
    y: np.ndarray,
    val_columns: pd.DataFrame,
    y_val: np.ndarray,
    *,
    purpose: str = "the LightGBM baseline",
    extra: str = "bench",
    **settings: Any,
) -> Any:
    """Fit one LightGBM model, stopped early on validation.

    Args:
        kind: of task; a multilabel one is fitted label by label.
        columns, val_columns: a row per seed; names may be any.
        y, y_val: [n] answers.
        purpose, extra: what needs it and what installs it, for the message where it is absent.
        settings: LightGBM's parameters.
    Returns: a `lightgbm.Booster`, which predicts from plain arrays of `plain`.
    Raises: MissingExtra: LightGBM is absent.
    """
    try:
        import lightgbm
    except ImportError:
        raise MissingExtra("LightGBM", extra, purpose) from None
    settings = {
        "objective": _OBJECTIVES[kind],
        "learning_rate": 0.05,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **settings,
    }
    if kind == "multiclass":
        settings["num_class"] = int(max(y.max(), y_val.max())) + 1
    fitted = lightgbm.Dataset(plain(columns), y)
    return lightgbm.train(
        settings,
        fitted,
        num_boost_round=_MAX_ROUNDS,
        valid_sets=[fitted.create_valid(plain(val_columns), y_val)],
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )


def plain(columns: pd.DataFrame) -> pd.DataFrame:
    """Return columns under names that LightGBM takes: it refuses what JSON has a meaning for."""
    return columns.set_axis([f"column_{i}" for i in range(columns.shape[1])], axis=1)


def boosted(
    columns: Mapping[str, pd.DataFrame],
    train: SeedTable,
    val: SeedTable,
    *,
    answers: np.ndarray | None = None,
    **settings: Any,
) -> dict[str, np.ndarray]:
    """Fit on `train`, stop early on `val`, predict every other split of `columns`.

    Args:
        columns: split to a frame with one row per seed.
        answers: of the rows of `train`; None: the seeds'.
        settings: of `boost`.
    Returns: split to probabilities or values, in the shape `evaluate` takes.
    Raises: MissingExtra: LightGBM is absent.
    """
    kind, known = train.task.kind, train.answers if answers is None else answers
    pairs = [(known, val.answers)]
    if kind == "multilabel":
        pairs = [(known[:, i], val.answers[:, i]) for i in range(len(train.classes))]
    fits = [
        boost(kind, columns["train"], y, columns["val"], y_val, **settings) for y, y_val in pairs
    ]
    found = {
        split: [fit.predict(plain(frame)) for fit in fits]
        for split, frame in columns.items()
        if split != "train"
    }
    if kind == "multilabel":
        return {split: np.stack(parts, axis=1) for split, parts in found.items()}
    return {split: np.asarray(parts[0]) for split, parts in found.items()}
