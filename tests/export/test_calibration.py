"""From outputs to predictions, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from hgl.errors import ConfigError
from hgl.export.calibration import Probabilities, Values

LOGITS = torch.tensor([[2.0, 0.0, -2.0]])


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_probabilities_at_a_temperature(temperature: float) -> None:
    binary = Probabilities("binary", temperature)(LOGITS[:, :1])
    assert binary.tolist() == pytest.approx([logistic(2 / temperature)])
    labels = Probabilities("multilabel", temperature)(LOGITS)
    assert labels[0].tolist() == pytest.approx([logistic(x / temperature) for x in (2, 0, -2)])
    weights = [math.exp(x / temperature) for x in (2, 0, -2)]
    classes = Probabilities("multiclass", temperature)(LOGITS)
    assert classes[0].tolist() == pytest.approx([w / sum(weights) for w in weights])


def test_values_in_units_of_the_target() -> None:
    outputs = torch.tensor([[-3.0], [0.0], [3.0]])
    assert Values(centre=10, spread=2)(outputs).tolist() == [4, 10, 16]
    assert Values(centre=10, spread=2, low=5)(outputs).tolist() == [5, 10, 16]
    assert Values(centre=10, spread=2, low=5, high=12)(outputs).tolist() == [5, 10, 12]


def test_what_no_calibration_can_be() -> None:
    for temperature in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="temperature"):
            Probabilities("binary", temperature)
    with pytest.raises(ConfigError, match="kind='regression': expected one of binary"):
        Probabilities("regression")
    with pytest.raises(ConfigError, match="spread=0"):
        Values(spread=0)
