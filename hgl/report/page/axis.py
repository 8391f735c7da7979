"""Scales of charts, and the marks on them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_STEPS = (1, 2, 2.5, 5, 10)
_CALENDAR = (
    *(("Y", years) for years in (100, 50, 20, 10, 5, 2, 1)),
    *(("M", months) for months in (6, 3, 1)),
    *(("D", days) for days in (14, 7, 2, 1)),
    *(("h", hours) for hours in (12, 6, 1)),
)
_FEWEST = 3


@dataclass(frozen=True)
class Scale:
    """Values to pixels, linear, or by their logarithms.

    Attributes:
        low, high: ends in values; low < high.
        start, end: the same ends in pixels.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 5, least: float = 0.0) -> list[float]:
        """Return round values between the ends, at least so far apart."""
        if self.log and len(decades := self._decades(most)) >= _FEWEST:
            return decades
        rough = max((self.high - self.low) / most, least)
        size = 10.0 ** math.floor(math.log10(rough))
        steps = [s * size for s in _STEPS if not least or (s * size).is_integer()]
        step = next(step for step in steps if step >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _decades(self, most: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        powers = [10.0**power for power in range(first, last + 1)]
        steps = (1,) if len(powers) > most else (1, 2, 5)
        marks = [step * power for power in powers for step in steps]
        return [mark for mark in marks if self.low <= mark <= self.high]


def around(
    values: Iterable[float], margin: float = 0.08, least: float = 1e-3
) -> tuple[float, float]:
    """Return ends a little beyond all finite values; (0, 1) where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    room = max((high - low) * margin, least, abs(high) * 1e-6)
    return low - room, high + room


def time_ticks(low: int, high: int, most: int = 6) -> list[tuple[int, str]]:
    """Return instants (seconds) that are round in the calendar, and how they are written."""
    best: list[tuple[int, str]] = []
    for unit, step in _CALENDAR:
        first, last = (np.datetime64(int(t), "s").astype(f"M8[{unit}]") for t in (low, high))
        numbers = np.arange(first.astype(int), last.astype(int) + 1)
        offset = 1970 if unit == "Y" else 0
        marks = numbers[(numbers + offset) % step == 0].astype(f"M8[{unit}]")
        found = [(int(mark.astype("M8[s]").astype(int)), str(mark)) for mark in marks]
        inside = [(at, text.replace("T", " ")) for at, text in found if low <= at <= high]
        if len(inside) > most and len(best) >= _FEWEST:
            break
        best = inside
        if len(best) >= most - 1:
            break
    return best


def short(value: float) -> str:
    """Return a number in few characters, for an axis."""
    if value and (abs(value) >= 1e5 or abs(value) < 1e-3):
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.4g}"
