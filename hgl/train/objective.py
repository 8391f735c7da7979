"""What is minimised and what is reported, per kind of task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hgl.errors import ConfigError


class Objective(Protocol):
    """A loss per seed and the map from a model's outputs to predictions.

    Attributes:
        kind: of task, which decides the metrics: `binary`, `multiclass`, `multilabel` or
            `regression`.
        out_channels: outputs the model must have.
    """

    kind: str
    out_channels: int

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        """[batch, out_channels] and the batch's targets to [batch]."""

    def predict(self, out: Tensor) -> np.ndarray:
        """[n, out_channels] to probabilities or values, shaped as the task's metrics want them."""


class Binary:
    """Cross-entropy on one logit; predicts the probability of 1."""

    kind = "binary"
    out_channels = 1

    def __init__(self, target: np.ndarray) -> None:
        pass

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(out[:, 0], target.to(out.dtype), reduction="none")

    def predict(self, out: Tensor) -> np.ndarray:
        return out[:, 0].double().sigmoid().numpy()


class Multiclass:
    """Cross-entropy over classes; predicts [n, classes] probabilities."""

    kind = "multiclass"

    def __init__(self, target: np.ndarray) -> None:
        self.out_channels = int(target.max()) + 1

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(out, target, reduction="none")

    def predict(self, out: Tensor) -> np.ndarray:
        return out.double().softmax(1).numpy()


class Multilabel:
    """Mean of one cross-entropy per label; predicts [n, labels] probabilities."""

    kind = "multilabel"

    def __init__(self, target: np.ndarray) -> None:
        self.out_channels = int(target.shape[1])

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        raw = F.binary_cross_entropy_with_logits(out, target.to(out.dtype), reduction="none")
        return raw.mean(1)

    def predict(self, out: Tensor) -> np.ndarray:
        return out.double().sigmoid().numpy()


class Regression:
    """Absolute error in units of the training target's spread, as RelBench's L1.

    Predictions are clamped to the 2nd and 98th percentile of the training target (RelBench's rule).
    """

    kind = "regression"
    out_channels = 1

    def __init__(self, target: np.ndarray) -> None:
        self.centre = float(np.median(target))
        self.spread = float(np.std(target)) or 1.0
        self.low, self.high = (float(q) for q in np.quantile(target, [0.02, 0.98]))

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        return (out[:, 0] - (target.to(out.dtype) - self.centre) / self.spread).abs()

    def predict(self, out: Tensor) -> np.ndarray:
        values = out[:, 0].double() * self.spread + self.centre
        return values.clamp(self.low, self.high).numpy()


_OBJECTIVES: Mapping[str, Callable[[np.ndarray], Objective]] = {
    "binary": Binary,
    "multiclass": Multiclass,
    "multilabel": Multilabel,
    "regression": Regression,
}


def objective_for(kind: str, target: np.ndarray) -> Objective:
    """Build the objective of a task kind from its training targets.

    Raises: ConfigError: `kind` is none of binary, multiclass, multilabel, regression.
    """
    if kind not in _OBJECTIVES:
        raise ConfigError(f"kind={kind!r}: expected one of {', '.join(_OBJECTIVES)}")
    return _OBJECTIVES[kind](target)


def seed_everything(seed: int) -> None:
    """Seed torch (all devices) and numpy's legacy generator, which libraries may use."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
