"""Losses and predictions per kind of task, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hgl.errors import ConfigError
from hgl.train.objective import objective_for


def test_binary_by_hand():
    objective = objective_for("binary", np.array([0.0, 1.0]))
    out = torch.tensor([[0.0], [2.0]])
    expected = torch.tensor([np.log(2.0), np.log1p(np.exp(2.0))], dtype=torch.float32)
    torch.testing.assert_close(objective.losses(out, torch.tensor([1.0, 0.0])), expected)
    np.testing.assert_allclose(objective.predict(out), [0.5, 1 / (1 + np.exp(-2))])


def test_regression_is_in_units_of_the_training_spread_and_clamped_to_its_percentiles():
    target = np.arange(101.0)
    objective = objective_for("regression", target)
    out = torch.tensor([[0.0], [100.0], [-100.0]])
    np.testing.assert_allclose(objective.predict(out), [50.0, 98.0, 2.0])
    losses = objective.losses(out[:1], torch.tensor([50.0 + target.std()]))
    torch.testing.assert_close(losses, torch.tensor([1.0]))


def test_a_constant_target_does_not_divide_by_zero():
    objective = objective_for("regression", np.full(5, 3.0))
    assert objective.predict(torch.zeros(1, 1)) == pytest.approx([3.0])


def test_multiclass_and_multilabel_shapes():
    classes = objective_for("multiclass", np.array([0, 2, 1]))
    assert classes.out_channels == 3
    np.testing.assert_allclose(classes.predict(torch.zeros(2, 3)), np.full((2, 3), 1 / 3))
    assert classes.losses(torch.zeros(2, 3), torch.tensor([0, 2])).shape == (2,)
    labels = objective_for("multilabel", np.zeros((4, 5)))
    assert labels.out_channels == 5
    assert labels.losses(torch.zeros(2, 5), torch.ones(2, 5)).shape == (2,)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="kind='rank'"):
        objective_for("rank", np.zeros(1))
