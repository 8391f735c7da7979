"""Trials of earlier searches as evidence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hgl.errors import ConfigError
from hgl.search.memory import remembered
from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim, TrialKey

KEY = TrialKey("data", "task", "01", 2, "settings", 0, 3)


def keep(store: TrialStore, metric: str, *values: float, **changed: object) -> None:
    claim = store.claim(dataclasses.replace(KEY, **changed), "me")  # type: ignore[arg-type]
    assert isinstance(claim, Claim)
    store.finish(claim, {metric: values}, {})


def test_scores_are_means_over_seeds_of_the_best_epoch(tmp_path: Path) -> None:
    store = TrialStore(tmp_path / "t.sqlite")
    keep(store, "roc_auc", 0.5, 0.9, 0.7)
    keep(store, "roc_auc", 0.6, 0.7, 0.5, seed=1)
    keep(store, "roc_auc", 0.99, epochs=1)  # of fewer epochs, so not comparable
    keep(store, "roc_auc", 0.4, bits="10")
    keep(store, "mae", 4.0, 3.0, task="other")
    keep(store, "mae", 5.0, 6.0, task="other", bits="10")
    keep(store, "mae", 5.0, task="a single model's")
    store.fail(store.claim(dataclasses.replace(KEY, bits="11"), "me"), ValueError("no"))  # type: ignore[arg-type]
    found = {evidence.name: dict(evidence.scores) for evidence in remembered(tmp_path / "t.sqlite")}
    assert found == {
        "roc_auc of task task": {"01": pytest.approx(0.8), "10": pytest.approx(0.4)},
        "mae of task other": {"01": -3.0, "10": -5.0},
    }
    assert remembered(tmp_path / "t.sqlite", database="data")
    with pytest.raises(ConfigError, match="expected trials of two graph models or more"):
        remembered(tmp_path / "t.sqlite", database="other")


def test_an_empty_store(tmp_path: Path) -> None:
    TrialStore(tmp_path / "t.sqlite")
    with pytest.raises(ConfigError, match="expected trials of two"):
        remembered(tmp_path / "t.sqlite")
