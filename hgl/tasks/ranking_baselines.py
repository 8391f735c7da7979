"""What any recommender has to beat: popularity, past visits, their mix, LightGBM on pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hgl.tasks import ranking
from hgl.tasks.boosting import boost, plain
from hgl.tasks.pair_columns import Pairs, pairs_of
from hgl.tasks.seeds import SeedTable
from hgl.tasks.visits import Visits, find_visits

if TYPE_CHECKING:
    from hgl.db.database import Database

_WINDOWS = (None, 1, 2, 5)
"""Horizons over which visits are counted; the best on validation is taken."""
_TRAINED_PAIRS = 300_000

Scorer = Callable[[Pairs], np.ndarray]
"""From pairs to [n, m] scores; -inf where a destination is not to be recommended."""


def makers(
    db: Database, seeds: Mapping[str, SeedTable]
) -> Mapping[str, Callable[[], dict[str, np.ndarray]]]:
    """Return, by name, what makes the recommendations ([n, k] rows, -1 for none) of later splits.

    All read visits (see `find_visits`) that the seeds see, and no labels but training's, and
    validation's to choose over how many horizons visits are counted.

    Args:
        seeds: of `train`, `val` and, where it is asked, `test`.
    """
    train = seeds["train"]
    visits = find_visits(db, train)
    splits = {split: asked for split, asked in seeds.items() if split != "train"}
    counting = {
        "popularity": lambda p, window: np.broadcast_to(
            p.popularity(window), (len(p.positions), len(p.rows))
        ),
        "past visit": _past_visits,
        "past visit, then popularity": lambda p, window: (
            p.past_visits(window) * (1 + p.popularity(window).sum()) + p.popularity(window)
        ),
    }
    found = {name: partial(_chosen, db, visits, splits, score) for name, score in counting.items()}
    return {**found, "LightGBM on pairs": lambda: _boosted(db, visits, train, splits)}


def recommend(db: Database, visits: Visits, seeds: SeedTable, score: Scorer) -> np.ndarray:
    """Return the best-scored rows of each seed, [n, k] int64, -1 where there are fewer.

    Among equal scores the lower row comes first.
    """
    assert seeds.task.destination is not None
    count = seeds.task.destination.eval_k
    found = np.full((len(seeds), count), -1)
    for pairs in pairs_of(db, visits, seeds):
        scores = score(pairs)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        possible = np.isfinite(np.take_along_axis(scores, order, axis=1))
        found[pairs.positions, : order.shape[1]] = np.where(possible, pairs.rows[order], -1)
    return found


def _past_visits(pairs: Pairs, window: int | None) -> np.ndarray:
    """Own visits by count, then recency; what was never visited is not recommended."""
    counts = pairs.past_visits(window)
    latest = np.full(counts.shape, -1)
    latest[pairs.source, pairs.destination] = np.arange(len(pairs.source))
    return np.where(counts > 0, counts + (latest + 1) / (len(pairs.source) + 1), -np.inf)


def _chosen(
    db: Database,
    visits: Visits,
    splits: Mapping[str, SeedTable],
    score: Callable[[Pairs, int | None], np.ndarray],
) -> dict[str, np.ndarray]:
    """Take the window that is best on validation, the longest of equals."""
    val = splits["val"]
    windows = [None if n is None else n * val.task.timedelta for n in _WINDOWS]
    scorers: list[Scorer] = [partial(_windowed, score, window) for window in windows]
    best = max(
        scorers,
        key=lambda s: ranking.average_precision(val.answers, recommend(db, visits, val, s)),
    )
    return {split: recommend(db, visits, seeds, best) for split, seeds in splits.items()}


def _windowed(
    score: Callable[[Pairs, int | None], np.ndarray], window: int | None, pairs: Pairs
) -> np.ndarray:
    return score(pairs, window)


def _boosted(
    db: Database, visits: Visits, train: SeedTable, splits: Mapping[str, SeedTable]
) -> dict[str, np.ndarray]:
    timedelta = train.task.timedelta
    fit = boost(
        "binary",
        *_labelled(db, visits, train),
        *_labelled(db, visits, splits["val"]),
        purpose="the LightGBM baseline",
    )

    def score(pairs: Pairs) -> np.ndarray:
        columns = pairs.columns(timedelta)
        flat = plain(pd.DataFrame(columns.reshape(-1, columns.shape[2])))
        return fit.predict(flat).reshape(columns.shape[:2])

    return {split: recommend(db, visits, seeds, score) for split, seeds in splits.items()}


def _labelled(db: Database, visits: Visits, seeds: SeedTable) -> tuple[pd.DataFrame, np.ndarray]:
    """Columns and labels of the pairs, the latest ones where there are too many."""
    columns, labels, count = [], [], 0
    for pairs in reversed(list(pairs_of(db, visits, seeds))):
        if count >= _TRAINED_PAIRS:
            break
        rows = np.broadcast_to(pairs.rows, (len(pairs.positions), len(pairs.rows)))
        labels.append(seeds.answers[pairs.positions].holds(rows).ravel())
        columns.append(pairs.columns(seeds.task.timedelta).reshape(labels[-1].size, -1))
        count += labels[-1].size
    return pd.DataFrame(np.concatenate(columns)), np.concatenate(labels).astype(float)
