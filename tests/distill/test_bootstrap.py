"""Entities are resampled, the same ones for everybody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hgl.distill.bootstrap import Interval, resample
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task


def _seeds(entity: np.ndarray, target: np.ndarray, kind: str = "regression") -> SeedTable:
    task = Task(
        name="t", entity_table="e", entity_col=("id",), target_col="y", kind=kind, timedelta=1,
        sql="SELECT 1",
    )  # fmt: skip
    parts: dict[str, Any] = {"policy": "rolling", "cut": "inclusive", "visible_until": None}
    time = np.zeros(len(entity), dtype=np.int64)
    return SeedTable(task, "test", entity, time, target, (), stats_until=0, fingerprint="", **parts)


def test_the_value_is_that_of_all_seeds_and_lower_errors_are_better() -> None:
    target = np.arange(6.0)
    seeds = _seeds(np.arange(6), target)
    found = resample(seeds, {"good": [target + 0.5], "bad": [target + 1, target - 2]}, resamples=50)
    assert found.scores["good"][0] == pytest.approx(-0.5)
    assert found.scores["bad"][0] == pytest.approx(-1.5)
    gain = found.gain("good", "bad")
    # The same error everywhere: no resample differs.
    assert gain == Interval(*[pytest.approx(1.0)] * 3)
    assert gain.above_zero


def test_seeds_of_one_entity_go_together() -> None:
    """Two entities, one always right: a resample holds it 0, 1 or 2 times, nothing between."""
    entity = np.repeat([0, 1], 50)
    target = np.zeros(100)
    prediction = np.where(entity == 0, 0.0, 1.0)
    found = resample(_seeds(entity, target), {"a": [prediction]}, resamples=200)
    assert set(np.round(-found.scores["a"][1:], 6)) == {0.0, 0.5, 1.0}


def test_paired_differences_are_surer_than_their_parts() -> None:
    random = np.random.default_rng(0)
    target = random.normal(size=300) * 5
    noise = random.normal(size=300) * 3
    seeds = _seeds(np.arange(300), target)
    found = resample(seeds, {"a": [target + noise], "b": [target + 1.1 * noise]})
    gain = found.gain("a", "b")
    alone = found.interval(lambda scores: scores["a"])
    assert gain.above_zero
    assert gain.high - gain.low < 0.3 * (alone.high - alone.low)


def test_retention_is_what_is_left_of_the_teachers_lead() -> None:
    target = np.array([0.0, 1.0] * 20)
    seeds = _seeds(np.arange(40), target, "binary")
    teacher, half = target, np.where(np.arange(40) < 20, target, 0.5)
    found = resample(seeds, {"c": [np.full(40, 0.5)], "t": [teacher], "s": [half]})
    assert found.retention("t", "c", "t").value == pytest.approx(1.0)
    assert found.retention("c", "c", "t").value == pytest.approx(0.0)
    assert 0.4 < found.retention("s", "c", "t").value < 0.9


def test_resamples_of_one_class_do_not_count() -> None:
    target = np.array([1.0, 0.0, 0.0])
    seeds = _seeds(np.arange(3), target, "binary")
    interval = resample(seeds, {"a": [target]}).interval(lambda scores: scores["a"])
    assert interval == Interval(1.0, 1.0, 1.0)
