"""A student learns from labels, from a teacher, or from both; its epoch is validation's choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from hgl.aggregates.feature import Feature
from hgl.aggregates.plan import FeaturePlan
from hgl.distill.lessons import Lessons
from hgl.distill.student import Student, StudentSettings, train_student
from hgl.errors import ConfigError
from tests.distill.pupils import lessons, objective

SETTINGS = StudentSettings(channels=32, max_epochs=15, average=0.9, lr=0.01)


def _plan() -> FeaturePlan:
    numbers = [Feature("value", column=f"x{i}") for i in range(4)]
    text = Feature("value", column="kind", categorical=True)
    return FeaturePlan("e", "inclusive", (*numbers, text), {text.name: ("a", "b", "c")})


def _train(
    train: Lessons, folder: Path, settings: StudentSettings = SETTINGS, **more: Any
) -> tuple[Student, float]:
    val, answers = lessons(seed=1)
    test, truth = lessons(2000, seed=2)
    student = train_student(
        _plan(), train, {"val": val, "test": test}, answers, objective(answers), settings,
        metric="roc_auc", folder=folder, **{"taught": True, "tokens": None, "seed": 0, **more},
    )  # fmt: skip
    return student, float(roc_auc_score(truth, student.predictions["test"]))


def test_labels_alone_a_teacher_alone_and_both(tmp_path: Path) -> None:
    train, _ = lessons()
    nothing = torch.full_like(train.target, np.nan)
    _, labels = _train(train, tmp_path / "a", taught=False)
    _, teacher = _train(replace(train, target=nothing), tmp_path / "b")
    _, both = _train(train, tmp_path / "c")
    assert min(labels, teacher, both) > 0.8
    # Soft labels without noise say more than 600 noisy ones.
    assert teacher > labels - 0.01


def test_an_untaught_student_hears_nothing_of_the_teacher(tmp_path: Path) -> None:
    train, _ = lessons()
    liar = replace(train, taught=-5 * train.taught)
    honest, _ = _train(train, tmp_path / "a", taught=False)
    deaf, _ = _train(liar, tmp_path / "b", taught=False)
    assert np.array_equal(honest.predictions["test"], deaf.predictions["test"])


def test_the_score_is_the_best_epochs_on_validation(tmp_path: Path) -> None:
    student, _ = _train(lessons()[0], tmp_path)
    _, answers = lessons(seed=1)
    assert student.score == pytest.approx(roc_auc_score(answers, student.predictions["val"]))


def test_one_seed_is_one_student(tmp_path: Path) -> None:
    train, _ = lessons()
    first, _ = _train(train, tmp_path / "a", seed=3)
    again, _ = _train(train, tmp_path / "b", seed=3)
    other, _ = _train(train, tmp_path / "c", seed=4)
    assert np.array_equal(first.predictions["test"], again.predictions["test"])
    assert not np.array_equal(first.predictions["test"], other.predictions["test"])


def test_an_adaptive_ratio_trains_a_student_too(tmp_path: Path) -> None:
    _, score = _train(lessons()[0], tmp_path, replace(SETTINGS, adaptive=True, max_epochs=6))
    assert score > 0.8


@pytest.mark.parametrize("wrong", [{"ratio": 1.5}, {"temperature": 0}, {"code_weight": -1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type]
