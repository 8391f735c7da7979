"""From a network's outputs to what people read; part of the exported graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from hgl.errors import ConfigError


class Probabilities(nn.Module):
    """Probabilities of logits at a temperature, found on validation.

    Args:
        kind: of task: `binary`, `multiclass` or `multilabel`.
        temperature: above 0; 1 leaves the network's own confidence.

    Raises: ConfigError: another kind, or a temperature that is not above 0.
    """

    unit = 1.0
    """What differences between two predictions are measured in."""

    def __init__(self, kind: str, temperature: float = 1.0) -> None:
        super().__init__()
        if kind not in _PROBABILITIES:
            raise ConfigError(f"kind={kind!r}: expected one of {', '.join(_PROBABILITIES)}")
        if not (math.isfinite(temperature) and temperature > 0):
            raise ConfigError(f"temperature={temperature}: expected more than 0")
        self.temperature = temperature
        self.link = _PROBABILITIES[kind]

    def forward(self, logits: Tensor) -> Tensor:
        """[batch, outputs] to [batch] (binary), [batch, classes] or [batch, labels]."""
        return self.link(logits / self.temperature)


def _binary(logits: Tensor) -> Tensor:
    return logits[:, 0].sigmoid()


def _multiclass(logits: Tensor) -> Tensor:
    return logits.softmax(1)


_PROBABILITIES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "multilabel": torch.sigmoid,
}


class Values(nn.Module):
    """Values of a regression, in the units of its target.

    Args:
        centre: what an output of 0 stands for.
        spread: what an output of 1 adds.
        low: least value predicted; None: any.
        high: greatest value predicted; None: any.

    Raises: ConfigError: a spread that is not above 0.
    """

    def __init__(
        self,
        *,
        centre: float = 0.0,
        spread: float = 1.0,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        super().__init__()
        if not (math.isfinite(centre) and math.isfinite(spread) and spread > 0):
            raise ConfigError(f"centre={centre}, spread={spread}: expected numbers, spread above 0")
        self.centre, self.unit = centre, spread
        self.low, self.high = low, high

    def forward(self, outputs: Tensor) -> Tensor:
        """[batch, 1] to [batch]."""
        values = self.centre + self.unit * outputs[:, 0]
        if self.low is None and self.high is None:
            return values
        return values.clamp(self.low, self.high)
