"""Twins: what stands in a row and tells the target, or is told by it, so that nothing is predicted.

The share that x tells of y is 1 - SSE/SST of y around its mean per value of x, means learnt on one
half of the rows and judged on the other. Numbers count by rank, so that outliers do not decide,
and as values in bins; classes count as indicators, which makes the share Goodman and Kruskal's tau.
A missing value is a value of its own: whether a cell is empty may tell as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

THRESHOLD = 0.95
"""Share from which one is the other's twin."""
MIN_ROWS = 100
"""Fewer rows say too little."""
MAX_ROWS = 50_000
"""Rows looked at, drawn at random."""
_MAX_BINS, _ROWS_PER_BIN = 256, 20
_MAX_CLASSES = 50
"""Most frequent classes that are told apart."""


def find_twins(
    columns: Mapping[str, pd.Series], target: pd.Series, threshold: float = THRESHOLD
) -> dict[str, float]:
    """Return the columns that tell the target, or are told by it, with the larger share.

    Args:
        columns: by name, over the same rows as `target`; numbers and instants are ordered, anything
            else is a class.
        target: without nulls.
        threshold: the share from which a column is returned.
    """
    if len(target) < MIN_ROWS:
        return {}
    rows = np.random.default_rng(0).permutation(len(target))[:MAX_ROWS]
    chosen = target.iloc[rows]
    found = {
        name: max(told(column.iloc[rows], chosen), told(chosen, column.iloc[rows]))
        for name, column in columns.items()
    }
    return {name: share for name, share in found.items() if share >= threshold}


def told(x: pd.Series, y: pd.Series) -> float:
    """Return the share of y that x tells, at most 1; 0 where y is constant.

    The two halves are the even and the odd rows, whose order must mean nothing.
    """
    value, signal = _values(x), _signal(y)
    learnt, judged = slice(0, None, 2), slice(1, None, 2)
    counts = np.bincount(value[learnt], minlength=value.max() + 1)[:, None]
    sums = np.zeros((len(counts), signal.shape[1]))
    np.add.at(sums, value[learnt], signal[learnt])
    overall = signal[learnt].mean(axis=0)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    spread = ((signal[judged] - overall) ** 2).sum()
    error = ((signal[judged] - means[value[judged]]) ** 2).sum()
    return float(1 - error / spread) if spread > 0 else 0.0


def _values(x: pd.Series) -> np.ndarray:
    """[n] int64 from 0 on: which value each row has, or which of many bins of equal count."""
    if _is_ordered(x):
        bins = min(_MAX_BINS, max(2, len(x) // _ROWS_PER_BIN))
        if x.nunique() > bins:
            binned = np.ceil(x.rank(pct=True) * bins)
            return binned.fillna(0).to_numpy(dtype=np.int64)
    return _codes(x)


def _signal(y: pd.Series) -> np.ndarray:
    """[n, 1] ranks, 0 where missing, or [n, classes] indicators of the most frequent classes."""
    if _is_ordered(y):
        return y.rank(pct=True).fillna(0.0).to_numpy(dtype=np.float64)[:, None]
    codes = _codes(y)
    frequent = np.argsort(-np.bincount(codes), kind="stable")[:_MAX_CLASSES]
    return (codes[:, None] == frequent).astype(np.float64)


def _codes(column: pd.Series) -> np.ndarray:
    plain = column.astype(object).where(column.notna(), None)
    return np.asarray(pd.factorize(plain, use_na_sentinel=False)[0], dtype=np.int64)


def _is_ordered(column: pd.Series) -> bool:
    return column.dtype.kind in "iufmM"
