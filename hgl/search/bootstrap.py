"""Means over runs and how sure they are, by bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hgl.errors import ConfigError

RESAMPLES = 10_000


def summarise(frame: pd.DataFrame, column: str = "test_regret", *, seed: int = 0) -> pd.DataFrame:
    """Return the mean over runs with its 95 % interval, by bootstrap over runs.

    Args:
        frame: of `replay`.
        column: what to average.
        seed: of the bootstrap.
    Returns: one row per method and budget: `mean`, `low`, `high`, `runs`.
    """
    groups = frame.groupby(["method", "budget"], sort=False)[column]
    rows = [(*key, *interval(values.to_numpy(), seed)) for key, values in groups]
    return pd.DataFrame(rows, columns=["method", "budget", "mean", "low", "high", "runs"])


def compare(
    frame: pd.DataFrame, method: str, column: str = "test_regret", *, seed: int = 0
) -> pd.DataFrame:
    """Return how much more than one method every other has, run by run; above 0 it is worse.

    Returns: one row per other method and budget: `other`, `budget`, `mean`, `low`, `high`, `runs`.
    Raises: ConfigError: the frame has no such method.
    """
    wide = frame.pivot(index=["budget", "run"], columns="method", values=column)
    if method not in wide:
        raise ConfigError(f"method={method!r}: expected one of {', '.join(wide)}")
    excess = wide.drop(columns=method).sub(wide[method], axis=0)
    rows = [
        (other, budget, *interval(values.to_numpy(), seed))
        for other in excess
        for budget, values in excess[other].groupby(level="budget", sort=False)
    ]
    return pd.DataFrame(rows, columns=["other", "budget", "mean", "low", "high", "runs"])


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float, float, int]:
    """Return mean, bounds of its 95 % bootstrap interval, and number of values."""
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high), len(values)
