"""Scores of recommended rows against lists of the right ones.

A prediction is [n, k] row positions, best first, -1 where there are fewer than k. Each score is the
mean over seeds; every seed has at least one right row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hgl.tasks.lists import Lists


def average_precision(target: Lists, prediction: np.ndarray) -> float:
    """MAP@k, RelBench's: sum of precision@i at hits, divided by min(right rows, k)."""
    hits, ranks = target.holds(prediction), _ranks(prediction)
    precision = hits.cumsum(axis=1) / ranks
    return float(((precision * hits).sum(axis=1) / _reachable(target, prediction)).mean())


def recall(target: Lists, prediction: np.ndarray) -> float:
    """Share of the right rows that are among the k."""
    return float((target.holds(prediction).sum(axis=1) / target.counts).mean())


def precision(target: Lists, prediction: np.ndarray) -> float:
    """Share of the k that are right."""
    return float(target.holds(prediction).mean())


def reciprocal_rank(target: Lists, prediction: np.ndarray) -> float:
    """1 / rank of the first right row, 0 without one."""
    return float((target.holds(prediction) / _ranks(prediction)).max(axis=1).mean())


def discounted_gain(target: Lists, prediction: np.ndarray) -> float:
    """NDCG@k with 0 or 1 as gain."""
    discount = 1 / np.log2(_ranks(prediction) + 1)
    best = np.concatenate([[0], discount.cumsum()])[_reachable(target, prediction)]
    return float(((target.holds(prediction) * discount).sum(axis=1) / best).mean())


def _ranks(prediction: np.ndarray) -> np.ndarray:
    return np.arange(1, prediction.shape[1] + 1)


def _reachable(target: Lists, prediction: np.ndarray) -> np.ndarray:
    return np.minimum(target.counts, prediction.shape[1])


SCORES: Mapping[str, Callable[[Lists, np.ndarray], float]] = {
    "map": average_precision,
    "recall": recall,
    "precision": precision,
    "mrr": reciprocal_rank,
    "ndcg": discounted_gain,
}
