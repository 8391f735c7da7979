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
