"""Rank correlation (Spearman's), for columns with gaps."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

MIN_ROWS = 50
"""Fewer rows say too little."""


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the correlation of the ranks of two [n] columns where both are known.

    0 where fewer than `MIN_ROWS` are, or one is constant.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < MIN_ROWS:
        return 0.0
    x, y = rankdata(x[known]), rankdata(y[known])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def beyond(x: np.ndarray, y: np.ndarray, other: np.ndarray) -> float:
    """Return the rank correlation of x and y that a third [n] column does not explain (partial).

    0 where it explains one of them whole.
    """
    both = ~(np.isnan(x) | np.isnan(y))
    x, y, other = x[both], y[both], other[both]
    with_x, with_y = rank_correlation(x, other), rank_correlation(y, other)
    left = (1 - with_x**2) * (1 - with_y**2)
    return (rank_correlation(x, y) - with_x * with_y) / left**0.5 if left > 1e-9 else 0.0
