"""Predictions read back from a file, by kind of task."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.bench.prediction_file import PredictionFile
from hgl.errors import CacheError
from tests.bench.made import CELL

COUNT = 200


def made(kind: str, metric: str, columns: dict[str, object]) -> PredictionFile:
    question = dataclasses.replace(CELL.question, kind=kind, metric=metric)
    keys = {"id": np.arange(COUNT) // 4, "timestamp": np.arange(COUNT) % 4}
    return PredictionFile(question, pd.DataFrame({**keys, **columns}))


def test_an_interval_holds_the_score_it_is_about() -> None:
    target = np.arange(COUNT) % 2.0
    guess = 0.3 * target + np.random.default_rng(0).random(COUNT)
    low, high = made("binary", "roc_auc", {"late": target, "prediction": guess}).interval() or []
    assert 0.5 < low < high < 1.0
    error = np.abs(target - guess).mean()
    low, high = made("regression", "mae", {"late": target, "prediction": guess}).interval() or []
    assert low < error < high


def test_who_is_asked_the_same_has_the_same_questions() -> None:
    target = np.arange(COUNT) % 2.0
    one, other = (
        made("binary", "roc_auc", {"late": target, "prediction": p * target}) for p in (1, 2)
    )
    assert one.asked == other.asked
    assert one.digest != other.digest
    changed = made("binary", "roc_auc", {"late": 1 - target, "prediction": target})
    assert changed.asked != one.asked


def test_classes_and_labels_find_their_columns() -> None:
    names = np.array(["a", "b"])[np.arange(COUNT) % 2]
    right = {f"prediction_{n}": (names == n).astype(float) for n in ("a", "b")}
    assert made("multiclass", "accuracy", {"late": names, **right}).interval() == [1.0, 1.0]
    lists = [[name] for name in names]
    assert made("multilabel", "macro_roc_auc", {"late": lists, **right}).interval() == [1.0, 1.0]


def test_what_is_never_defined_has_no_interval() -> None:
    columns = {"late": np.zeros(COUNT), "prediction": np.zeros(COUNT)}
    assert made("binary", "roc_auc", columns).interval() is None
    assert made("unheard of", "roc_auc", columns).interval() is None


def test_a_digest_is_of_the_predictions_alone() -> None:
    columns = {"late": np.zeros(COUNT), "prediction": np.zeros(COUNT)}
    first = made("binary", "roc_auc", columns).digest
    assert made("binary", "roc_auc", {**columns, "late": np.ones(COUNT)}).digest == first
    assert made("binary", "roc_auc", {**columns, "prediction": np.ones(COUNT)}).digest != first


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "val.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CacheError, match=r"predictions .*val\.parquet"):
        PredictionFile.read(tmp_path / "val.parquet", CELL.question)
