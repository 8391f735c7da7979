"""Seeds that see a database which is some time behind, each by a lag of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hgl.tasks.seeds import SeedTable
from hgl.typing import Cut


@dataclass(frozen=True)
class SeenSeeds:
    """What `hgl.aggregates.batch.compute` asks of seeds, each with a limit of its own.

    Attributes:
        entity, time, visible_until: [n] int64.
    """

    entity: np.ndarray
    time: np.ndarray
    cut: Cut
    visible_until: np.ndarray

    @classmethod
    def of(cls, seeds: SeedTable) -> SeenSeeds:
        """Seeds as they are."""
        until = seeds.time if seeds.visible_until is None else seeds.visible_until
        return cls(seeds.entity, seeds.time, seeds.cut, np.broadcast_to(until, seeds.time.shape))

    @classmethod
    def join(cls, parts: Sequence[SeenSeeds]) -> SeenSeeds:
        """Put seeds of one cut after one another."""
        entity, time, until = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("entity", "time", "visible_until")
        )
        return cls(entity, time, parts[0].cut, until)

    def __len__(self) -> int:
        return len(self.entity)


def stale(seeds: SeedTable, known: np.ndarray, *, staleness: int, seed: int) -> SeenSeeds:
    """Move what each seed sees back by a random lag, though not beyond its own row.

    Args:
        known: [rows of the entity table] int64 seconds since when each is known.
        staleness: longest lag in seconds.
        seed: of the lags.
    """
    lags = np.random.default_rng(seed).integers(staleness + 1, size=len(seeds))
    until = np.maximum(seeds.time - lags, np.minimum(known[seeds.entity], seeds.time))
    return SeenSeeds(seeds.entity, seeds.time, seeds.cut, until)


def longest_lag(seeds: SeedTable) -> int:
    """Return how far behind, in seconds, the database is that some of `seeds` see; 0: it is not."""
    if seeds.visible_until is None or not len(seeds):
        return 0
    return max(0, int(seeds.time.max()) - seeds.visible_until)
