"""A running average of a model's weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def weight_average(model: nn.Module, decay: float) -> AveragedModel:
    """Follow a model with the exponential moving average of its weights (arXiv:1803.05407).

    The first steps average evenly, until one step's share falls to `1 - decay`: the weights that
    training started from count no more than any others.

    Args:
        decay: share that the average keeps at each step, from 0 (just the last weights) to below 1.
    Returns: call `update_parameters(model)` after each step; `module` holds the average.
    """

    def update(kept: Any, fresh: Any, count: Tensor | int) -> None:
        torch._foreach_lerp_(kept, fresh, max(1 - decay, 1 / (int(count) + 1)))

    return AveragedModel(model, multi_avg_fn=update)
