"""The temperature undoes a known one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hgl.distill.calibration import temperature
from hgl.train.objective import objective_for


@pytest.mark.parametrize("wanted", [0.3, 1.0, 4.0])
def test_overconfidence_is_measured(wanted: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=20_000) * 2
    answers = (random.random(20_000) < 1 / (1 + np.exp(-logits))).astype(float)
    out = torch.as_tensor(logits * wanted, dtype=torch.float32)[:, None]
    found = temperature(objective_for("binary", answers), out, torch.as_tensor(answers))
    assert found == pytest.approx(wanted, rel=0.08)


def test_several_classes_too() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 3)) * 2
    answers = (logits + random.gumbel(size=logits.shape)).argmax(1)
    out = torch.as_tensor(logits * 2, dtype=torch.float32)
    found = temperature(objective_for("multiclass", answers), out, torch.as_tensor(answers))
    assert found == pytest.approx(2, rel=0.08)


def test_a_regression_has_none() -> None:
    objective = objective_for("regression", np.array([1.0, 2.0]))
    assert temperature(objective, torch.zeros(2, 1), torch.zeros(2)) == 1.0
