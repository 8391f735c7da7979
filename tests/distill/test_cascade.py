"""What the student is not sure of goes to the teacher, no more than it takes."""

from __future__ import annotations

import numpy as np
import pytest

from hgl.distill.cascade import Cascade, choose_cascade, confidence
from tests.distill.test_bootstrap import _seeds


def test_confidence_by_hand() -> None:
    assert confidence(np.array([0.5, 0.75, 0.0])).tolist() == [0.0, 0.5, 1.0]
    rows = np.array([[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0], [2 / 3, 1 / 6, 1 / 6]])
    assert confidence(rows) == pytest.approx([0.0, 1.0, 0.5])


def test_mixing_asks_below_the_threshold_only() -> None:
    student, teacher = np.array([0.5, 0.9, 0.1]), np.array([0.0, 0.0, 1.0])
    assert Cascade(0.5, 0.0, 0.0).mix(student, teacher).tolist() == [0.0, 0.9, 0.1]
    both = np.eye(2)[[0, 1]]
    assert Cascade(2.0, 0.0, 0.0).mix(both, both[::-1]).tolist() == both[::-1].tolist()


def test_a_student_that_is_right_where_it_is_sure_asks_about_the_rest_only() -> None:
    random = np.random.default_rng(0)
    target = random.integers(2, size=400).astype(float)
    unsure = np.arange(400) % 10 == 0
    student = np.where(unsure, 0.5 + 0.01 * (0.5 - target), 0.05 + 0.9 * target)
    cascade = choose_cascade(_seeds(np.arange(400), target, "binary"), student, target)
    assert cascade is not None
    assert cascade.share == pytest.approx(0.1, abs=0.02)
    assert cascade.score == 1.0


def test_a_student_as_good_as_its_teacher_asks_nothing() -> None:
    target = np.array([0.0, 1.0] * 50)
    cascade = choose_cascade(_seeds(np.arange(100), target, "binary"), target, target)
    assert cascade is not None
    assert cascade.share == 0.0


def test_values_have_no_confidence() -> None:
    target = np.zeros(4)
    assert choose_cascade(_seeds(np.arange(4), target), target, target) is None
