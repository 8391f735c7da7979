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


def boosted(
    columns: Mapping[str, pd.DataFrame],
    train: SeedTable,
    val: SeedTable,
    *,
    answers: np.ndarray | None = None,
    seed: int = 0,
    purpose: str = "the LightGBM baseline",
    **settings: Any,
) -> dict[str, np.ndarray]:
    """Fit on `train`, stop early on `val`, predict every other split of `columns`.

    Args:
        columns: split to a frame with one row per seed; columns may have any names.
        answers: of the rows of `train`; None: the seeds'.
        seed: of LightGBM.
        purpose: what needs it, for the message where it is absent.
        settings: more of LightGBM's parameters.
    Returns: split to probabilities or values, in the shape `evaluate` takes.
    Raises: MissingExtra: LightGBM is absent.
    """
    try:
        import lightgbm
    except ImportError:
        raise MissingExtra("LightGBM", "bench", purpose) from None
    # LightGBM refuses names that JSON has a meaning for.
    plain = {
        s: f.set_axis([f"column_{i}" for i in range(f.shape[1])], axis=1)
        for s, f in columns.items()
    }
    known = train.answers if answers is None else answers
    settings = {"learning_rate": 0.05, "seed": seed, **settings}
    if train.task.kind == "multilabel":
        fits = [
            _fit(lightgbm, train, plain, known[:, label], val.answers[:, label], settings)
            for label in range(len(train.classes))
        ]
    else:
        fits = [_fit(lightgbm, train, plain, known, val.answers, settings)]
    found = {s: [fit.predict(f) for fit in fits] for s, f in plain.items() if s != "train"}
    if train.task.kind == "multilabel":
        return {split: np.stack(parts, axis=1) for split, parts in found.items()}
    return {split: np.asarray(parts[0]) for split, parts in found.items()}


def _fit(
    lightgbm: Any,
    train: SeedTable,
    columns: Mapping[str, pd.DataFrame],
    y: np.ndarray,
    y_val: np.ndarray,
    settings: Mapping[str, Any],
) -> Any:
    settings = {
        "objective": _OBJECTIVES[train.task.kind],
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **settings,
    }
    if train.task.kind == "multiclass":
        settings["num_class"] = len(train.classes)
    fitted = lightgbm.Dataset(columns["train"], y)
    return lightgbm.train(
        settings,
        fitted,
        num_boost_round=_MAX_ROUNDS,
        valid_sets=[fitted.create_valid(columns["val"], y_val)],
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )
