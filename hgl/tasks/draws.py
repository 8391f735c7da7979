"""Resamples of a table of seeds, entity by entity."""

from __future__ import annotations

import numpy as np

RESAMPLES = 400


def entity_draws(entity: np.ndarray, resamples: int, seed: int) -> list[np.ndarray]:
    """Return rows of as many entities as there are, drawn with replacement; once per resample.

    Args:
        entity: [n], which rows belong together.
    """
    random = np.random.default_rng(seed)
    order = np.argsort(entity, kind="stable")
    _, starts, counts = np.unique(entity[order], return_index=True, return_counts=True)
    drawn = random.integers(len(starts), size=(resamples, len(starts)))
    return [
        np.concatenate([order[s : s + n] for s, n in zip(starts[picked], counts[picked])])
        for picked in drawn
    ]


def middle(values: np.ndarray) -> tuple[float, float] | None:
    """Return the ends of the middle 95 % of resampled values, the interval of what was resampled.

    What is undefined, such as an AUROC of one class, does not count; None where nothing is defined.
    """
    defined = values[np.isfinite(values)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)
