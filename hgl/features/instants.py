"""Instants as a model sees them: the time of year, month, week and day, and an age.

They are kept as seconds and an age, 12 bytes instead of the 36 of their parts, which are computed
for the rows that a batch gathers: what is read at random from a large table is what costs.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hgl.features.periods import PERIODS
from hgl.typing import TIMESTAMP_PARTS


@dataclass(frozen=True)
class Instants:
    """The timestamp columns of a table.

    Attributes:
        seconds: [rows, columns] float64 since the epoch, UTC; NaN where missing.
        age: [rows, columns] float32, scaled; NaN where missing.
        recurs: [columns, periods] whether a column's phase within a period is a feature.
    """

    seconds: Tensor
    age: Tensor
    recurs: Tensor

    def gather(self, rows: Tensor) -> Tensor:
        """Return the parts at [n] int64 rows: [n, columns, TIMESTAMP_PARTS] float32."""
        age, seconds = (array.index_select(0, rows) for array in (self.age, self.seconds))
        periods = seconds.new_tensor(PERIODS)
        phase = seconds.unsqueeze(2) / periods
        phase = (seconds.unsqueeze(2) - phase.floor_().mul_(periods)).div_(periods)
        phase.mul_(2 * math.pi)
        parts = age.new_empty(*age.shape, TIMESTAMP_PARTS)
        parts[:, :, -1] = age
        for waves, wave in zip(parts[:, :, :-1].chunk(2, dim=2), (phase.sin(), phase.cos())):
            waves.copy_(wave).mul_(self.recurs)
        return parts

    def to(self, device: torch.device | str) -> Instants:
        """Return the same instants on `device`."""
        return Instants(*(getattr(self, f.name).to(device) for f in dataclasses.fields(self)))
