"""One number that makes a classifier as sure as it is right."""

from __future__ import annotations

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from hgl.train.objective import Objective

_BOUNDS = (-3.0, 3.0)
"""Of the temperature's logarithm."""


def temperature(objective: Objective, out: Tensor, target: Tensor) -> float:
    """Return what to divide outputs by (arXiv:1706.04599): lowest loss on validation.

    Args:
        out: [n, out_channels] outputs on validation.
        target: [n] or [n, labels] answers, as the objective takes them.
    Returns: above 0; 1 for a regression, which has no temperature.
    """
    if objective.kind == "regression":
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = out.double() / torch.tensor(log_temperature).exp()
        return float(objective.losses(scaled, target).mean())

    return float(torch.tensor(minimize_scalar(loss, bounds=_BOUNDS, method="bounded").x).exp())
