"""The running average, against its definition in plain numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hgl.train.average import weight_average


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_the_average_is_even_at_first_and_exponential_later(decay: float):
    model = nn.Linear(1, 1, bias=False)
    average = weight_average(model, decay)
    expected = None
    for count, value in enumerate([3.0, -1.0, 4.0, 1.0, -5.0, 9.0]):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        share = max(1 - decay, 1 / (count + 1))
        expected = value if expected is None else expected + share * (value - expected)
        assert average.module.weight.item() == pytest.approx(expected)
    if decay == 0:
        assert average.module.weight.item() == value


def test_the_model_itself_is_left_alone():
    model = nn.Linear(2, 2)
    before = [p.clone() for p in model.parameters()]
    average = weight_average(model, 0.9)
    average.update_parameters(model)
    for parameter, known in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, known)
        assert parameter.requires_grad
