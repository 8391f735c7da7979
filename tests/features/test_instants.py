"""Parts of instants are those of a loop over cells."""

from __future__ import annotations

import math

import pytest
import torch

from hgl.features.instants import Instants
from hgl.features.periods import PERIODS, recurring
from hgl.typing import TIMESTAMP_PARTS

DAY = 86400.0


def _slow(second: float, age: float, recurs: list[bool]) -> list[float]:
    phases = [2 * math.pi * (second % period) / period for period in PERIODS]
    waves = [[f(x) * on for x, on in zip(phases, recurs)] for f in (math.sin, math.cos)]
    return [*waves[0], *waves[1], age]


def test_parts_are_those_of_a_loop() -> None:
    random = torch.Generator().manual_seed(0)
    seconds = torch.rand(50, 2, generator=random, dtype=torch.float64) * 4e9 - 2e9
    age = torch.randn(50, 2, generator=random)
    recurs = [[True, False, True, True], [False, True, False, True]]
    rows = torch.randint(0, 50, (80,), generator=random)
    parts = Instants(seconds, age, torch.tensor(recurs)).gather(rows)
    assert parts.dtype == torch.float32
    assert parts.shape == (80, 2, TIMESTAMP_PARTS)
    for place, row in enumerate(rows.tolist()):
        for column in range(2):
            cell = float(seconds[row, column]), float(age[row, column])
            expected = torch.tensor(_slow(*cell, recurs[column]))
            torch.testing.assert_close(parts[place, column], expected, rtol=0, atol=1e-6)


def test_a_missing_instant_has_no_part() -> None:
    missing = torch.full((1, 1), math.nan)
    parts = Instants(missing.double(), missing, torch.zeros(1, 4, dtype=torch.bool))
    assert parts.gather(torch.tensor([0])).isnan().all()


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, [0, 0, 0, 0]), (2, [0, 0, 0, 1]), (61, [0, 1, 1, 1]), (731, [1, 1, 1, 1])],
)
def test_a_period_recurs_from_its_second_time_on(days: int, expected: list[int]) -> None:
    assert recurring(days * DAY).tolist() == list(map(bool, expected))
