"""Labels of each kind to arrays."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from hgl.errors import TaskError
from hgl.tasks.targets import UNSEEN, encode, learn_classes


@pytest.mark.parametrize(
    "labels", [[True, False], [1, 0], [1.0, 0.0], pd.array([True, False], dtype="boolean")]
)
def test_binary_spellings(labels: list) -> None:
    found = encode("binary", pd.Series(labels), learn_classes("binary", pd.Series(labels)))
    assert found.tolist() == [1.0, 0.0]
    assert found.dtype == np.float64


def test_regression_takes_decimals_and_integers() -> None:
    assert encode("regression", pd.Series([Decimal("1.5"), Decimal(2)]), ()).tolist() == [1.5, 2.0]
    assert encode("regression", pd.Series([3, 4]), ()).tolist() == [3.0, 4.0]


def test_multiclass_codes_follow_the_training_labels() -> None:
    classes = learn_classes("multiclass", pd.Series(["red", "blue", "red"]))
    assert classes == ("blue", "red")
    found = encode("multiclass", pd.Series(["red", "green", "blue"]), classes)
    assert found.tolist() == [1, UNSEEN, 0]
    assert found.dtype == np.int64


def test_multilabel_from_lists_of_labels() -> None:
    train = pd.Series([["a", "c"], [], ["b"]])
    classes = learn_classes("multilabel", train)
    assert classes == ("a", "b", "c")
    assert encode("multilabel", train, classes).tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert encode("multilabel", pd.Series([["b", "z"]]), classes).tolist() == [[0, 1, 0]]


def test_multilabel_from_zeros_and_ones() -> None:
    train = pd.Series([np.array([0, 1, 1]), np.array([1, 0, 0])])
    classes = learn_classes("multilabel", train)
    assert classes == (0, 1, 2)
    assert encode("multilabel", train, classes).tolist() == [[0, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("kind", "labels", "said"),
    [
        ("binary", [0, 2], "holds 2; binary needs 0, 1, false or true"),
        ("binary", ["yes", "no"], "holds 'yes'; binary needs numbers"),
        ("regression", [1.0, np.inf], "holds inf; regression needs finite numbers"),
        ("regression", ["1", "2"], "holds '1'; regression needs numbers"),
        ("regression", pd.to_datetime(["2020-01-01", "2020-01-02"]), "regression needs numbers"),
        ("multiclass", [["a"], ["b"]], "expected one value each"),
        ("multilabel", ["a", "b"], "holds 'a'; multilabel needs lists"),
        ("multilabel", [[["a"]], [["b"]]], "expected one value each"),
    ],
)
def test_labels_of_another_kind_are_refused(kind: str, labels: list, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        learn_and_encode(kind, pd.Series(labels, name="label"))


def learn_and_encode(kind: str, labels: pd.Series) -> np.ndarray:
    return encode(kind, labels, learn_classes(kind, labels))
