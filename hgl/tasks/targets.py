"""Labels as the user wrote them to arrays a model can be trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from hgl.errors import TaskError

UNSEEN = -1
"""Code of a label that the training split does not have."""


def learn_classes(kind: str, labels: pd.Series) -> tuple[Any, ...]:
    """Return the distinct labels of a training split, in a stable order.

    `(0, 1)` for binary, `()` for regression; for multilabel the members of the lists, or the
    positions when the lists are zeros and ones already.
    """
    if kind == "regression":
        return ()
    if kind == "binary":
        return (0, 1)
    if kind == "multiclass":
        return _ordered(labels.tolist())
    lists = _lists(labels)
    if _multi_hot(lists) and any(len(set(members)) < len(members) for members in lists):
        return tuple(range(len(lists[0])))
    return _ordered(member for members in lists for member in members)


def encode(kind: str, labels: pd.Series, classes: tuple[Any, ...]) -> np.ndarray:
    """Return labels without nulls as an array.

    Returns: float64 [n] for regression and binary (0, 1); int64 [n] codes for multiclass,
        `UNSEEN` where a label is not in `classes`; float64 [n, classes] for multilabel.

    Raises: TaskError: a label is not of that kind.
    """
    if kind == "multiclass":
        codes = {label: code for code, label in enumerate(classes)}
        return np.array([codes.get(label, UNSEEN) for label in labels.tolist()], dtype=np.int64)
    if kind == "multilabel":
        return _indicators(labels, classes)
    values = _numbers(labels, kind)
    odd = (
        values[(values != 0) & (values != 1)] if kind == "binary" else values[~np.isfinite(values)]
    )
    if len(odd):
        expected = "0, 1, false or true" if kind == "binary" else "finite numbers"
        raise TaskError(f"target {labels.name!r} holds {odd[0]:g}; {kind} needs {expected}")
    return values


def _numbers(labels: pd.Series, kind: str) -> np.ndarray:
    try:
        if labels.dtype.kind in "mM" or labels.map(lambda label: isinstance(label, str)).any():
            raise ValueError(labels.iloc[0])
        return labels.to_numpy().astype(np.float64)
    except (TypeError, ValueError):
        raise TaskError(
            f"target {labels.name!r} holds {labels.iloc[0]!r}; {kind} needs numbers"
        ) from None


def _indicators(labels: pd.Series, classes: tuple[Any, ...]) -> np.ndarray:
    lists = _lists(labels)
    if _multi_hot(lists) and classes == tuple(range(len(lists[0]))):
        return np.array(lists, dtype=np.float64)
    codes = {label: code for code, label in enumerate(classes)}
    indicators = np.zeros((len(lists), len(classes)))
    for row, members in enumerate(lists):
        indicators[row, [codes[member] for member in members if member in codes]] = 1.0
    return indicators


def _lists(labels: pd.Series) -> list[list[Any]]:
    for label in labels:
        if not isinstance(label, list | tuple | np.ndarray):
            raise TaskError(f"target {labels.name!r} holds {label!r}; multilabel needs lists")
    return [np.asarray(label, dtype=object).tolist() for label in labels]


def _multi_hot(lists: list[list[Any]]) -> bool:
    """Whether the lists may be RelBench's: zeros and ones, all of one length. A list of labels
    never repeats one, so a repetition in training tells `[0, 0, 1]` from the labels 0 and 1."""
    lengths = {len(members) for members in lists}
    return len(lengths) == 1 and all(member in (0, 1) for members in lists for member in members)


def _ordered(labels: Iterable[Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(set(labels), key=lambda label: (str(type(label)), label)))
    except TypeError:
        raise TaskError("a target holds lists or structures; expected one value each") from None
