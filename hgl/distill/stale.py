"""Seeds that see a database which is some time behind, each by a lag of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hgl.tasks.seeds import SeedTable
from hgl.typing import Cut


@dataclass(frozen=True)
class StaleSeeds:
    """What `hgl.aggregates.batch.compute` asks of seeds; `visible_until` is [n] int64 seconds."""

    entity: np.ndarray
    time: np.ndarray
    cut: Cut
    visible_until: np.ndarray


def stale(seeds: SeedTable, known: np.ndarray, *, staleness: int, seed: int) -> StaleSeeds:
    """Move what each seed sees back by a random lag, though not beyond its own row.

    Args:
        known: [rows of the entity table] int64 seconds since when each is known.
        staleness: longest lag in seconds.
        seed: of the lags.
    """
    lags = np.random.default_rng(seed).integers(staleness + 1, size=len(seeds))
    until = np.maximum(seeds.time - lags, np.minimum(known[seeds.entity], seeds.time))
    return StaleSeeds(seeds.entity, seeds.time, seeds.cut, until)


def longest_lag(seeds: SeedTable) -> int:
    """Return how far behind, in seconds, the database is that some of `seeds` see; 0: it is not."""
    if seeds.visible_until is None or not len(seeds):
        return 0
    return max(0, int(seeds.time.max()) - seeds.visible_until)
