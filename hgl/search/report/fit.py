"""Least squares with intervals that hold where noise is unequal, and not beyond what data say."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

_TOLERANCE = 1e-8

Estimate = tuple[float, float, float]
"""A value and its 95 % interval; nan where the data leave them open."""


class Fit:
    """Ordinary least squares; standard errors HC3 (MacKinnon and White 1985), Student's t.

    HC3 takes each row's error as it is when the fit leaves that row out.

    Args:
        design: [num_rows, num_columns], columns may depend on one another.
        answer: [num_rows].
    """

    def __init__(self, design: np.ndarray, answer: np.ndarray) -> None:
        self._inverse = np.linalg.pinv(design)
        self._same = self._inverse @ design
        self._kept = 1 - np.einsum("ij,ji->i", design, self._inverse)
        self._coefficients = self._inverse @ answer
        self._residual = answer - design @ self._coefficients
        self._freedom = len(answer) - int(np.linalg.matrix_rank(design))

    def estimate(self, weights: np.ndarray) -> Estimate:
        """Return a weighted sum of the coefficients.

        All nan where the rows do not tell it: what it weighs never varied, or only with something
        else. Bounds are nan where one row alone tells it, or no row is left to show the noise.
        """
        if not np.allclose(weights @ self._same, weights, atol=_TOLERANCE):
            return math.nan, math.nan, math.nan
        value = float(weights @ self._coefficients)
        shares = weights @ self._inverse
        alone = self._kept < _TOLERANCE
        if self._freedom < 1 or (np.abs(shares[alone]) > _TOLERANCE).any():
            return value, math.nan, math.nan
        parts = shares[~alone] * self._residual[~alone] / self._kept[~alone]
        margin = float(stdtrit(self._freedom, 0.975) * np.linalg.norm(parts))
        return value, value - margin, value + margin


def mean_interval(values: np.ndarray) -> Estimate:
    """Return the mean of [num_values] with Student's 95 % interval; bounds are nan for one."""
    count, mean = len(values), float(np.mean(values))
    if count < 2:
        return mean, math.nan, math.nan
    margin = float(stdtrit(count - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(count))
    return mean, mean - margin, mean + margin
