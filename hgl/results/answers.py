"""From the columns of a prediction file to what is scored, by kind of task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hgl.results.question import Question
from hgl.tasks import targets
from hgl.tasks.lists import Lists

Scored = tuple[Any, np.ndarray]
"""Target and prediction, as `hgl.tasks.metrics` has them."""


def scored(question: Question, stated: pd.Series, said: pd.DataFrame) -> Scored:
    """Return target and prediction.

    Args:
        stated: [n] answers as the user writes them.
        said: [n, columns] predictions: one column `prediction`, or one `prediction_<class>` each.
    Raises: ValueError, LookupError, TypeError, TaskError: they are not what the kind has.
    """
    return _READ.get(question.kind, _numbers)(question, stated, said)


def _numbers(question: Question, stated: pd.Series, said: pd.DataFrame) -> Scored:
    prediction = _finite(said)
    target = targets.encode(question.kind, stated, ())
    return target, prediction[:, 0] if list(said) == ["prediction"] else prediction


def _classes(question: Question, stated: pd.Series, said: pd.DataFrame) -> Scored:
    codes = {name: code for code, name in enumerate(_names(said))}
    target = np.array([codes[str(label)] for label in stated.tolist()], dtype=np.int64)
    return target, _finite(said)


def _labels(question: Question, stated: pd.Series, said: pd.DataFrame) -> Scored:
    rows = [set(map(str, labels)) for labels in stated]
    target = np.array([[float(name in row) for name in _names(said)] for row in rows])
    return target.reshape(said.shape), _finite(said)


def _recommendations(question: Question, stated: pd.Series, said: pd.DataFrame) -> Scored:
    """Rows are numbered within the file, as keys of any kind are compared by what they say."""
    right, listed = (
        [list(map(str, keys)) for keys in cells] for cells in (stated, said["prediction"])
    )
    rows = {key: row for row, key in enumerate(sorted({k for r in (*right, *listed) for k in r}))}
    owner = np.repeat(np.arange(len(right)), [len(keys) for keys in right])
    values = np.array([rows[key] for keys in right for key in keys], dtype=np.int64)
    prediction = np.full((len(listed), question.eval_k or 1), -1)
    for place, keys in zip(prediction, listed, strict=True):
        place[: len(keys)] = [rows[key] for key in keys]
    return Lists.grouped(owner, values, len(right)), prediction


_READ: Mapping[str, Callable[[Question, pd.Series, pd.DataFrame], Scored]] = {
    "multiclass": _classes,
    "multilabel": _labels,
    "recommendation": _recommendations,
}


def _names(said: pd.DataFrame) -> list[str]:
    return [str(column).removeprefix("prediction_") for column in said]


def _finite(said: pd.DataFrame) -> np.ndarray:
    values = said.to_numpy(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("expected finite predictions")
    return values
