"""What recurs: years, months, weeks and days."""

from __future__ import annotations

import numpy as np

YEAR = 365.25 * 86400
PERIODS = (YEAR, YEAR / 12, 7 * 86400.0, 86400.0)
"""Seconds of a year, month, week and day."""
MIN_RECURRENCES = 2
"""Periods that training must span for the phase within them to be a feature."""


def recurring(span: float) -> np.ndarray:
    """Return [periods] bool: which of them a span of seconds has seen often enough.

    A season seen once is a date: a model would learn which week it was, not what it was like.
    """
    return span >= MIN_RECURRENCES * np.array(PERIODS)
