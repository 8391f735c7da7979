"""What earlier searches found, for a method to begin with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hgl.errors import ConfigError
from hgl.search.evidence import Evidence
from hgl.search.store import TrialStore
from hgl.tasks.metrics import METRICS

_PREFIX = "validation."


def remembered(where: str | Path, *, database: str | None = None) -> list[Evidence]:
    """Read a store's trials as evidence, one for each task, network and number of hops.

    A model's score is its best validation, mean over seeds, at the most epochs it was trained for.
    A method that is given these as `warm` finds out itself how far to trust them.

    Args:
        where: of the store: a file, or a URL.
        database: fingerprint of the data that counts; None for any.
    Raises: ConfigError: no two models have a score. CacheError: it is no store.
    """
    frame = TrialStore(where).frame()
    frame = frame[frame["state"] == "done"]
    if database is not None:
        frame = frame[frame["database"] == database]
    metrics = [c for c in frame if c.startswith(_PREFIX) and c.removeprefix(_PREFIX) in METRICS]
    found = [
        Evidence(scores, f"{metric.removeprefix(_PREFIX)} of task {key[0]}")
        for metric in metrics
        for key, part in frame.dropna(subset=[metric]).groupby(["task", "settings", "num_hops"])
        if len(scores := _scores(part, metric)) > 1
    ]
    if not found:
        raise ConfigError(f"store {str(where)!r}: expected trials of two graph models or more")
    return found


def _scores(trials: pd.DataFrame, metric: str) -> dict[str, float]:
    """Each model's score, higher is better, by its bits."""
    sign = METRICS[metric.removeprefix(_PREFIX)].sign
    best = trials[metric].map(lambda values: max(sign * value for value in values))
    most = trials.groupby("bits")["epochs"].transform("max")
    kept = best[trials["epochs"] == most]
    means = kept.groupby(trials["bits"]).mean()
    return {str(bits): float(score) for bits, score in means.items()}
