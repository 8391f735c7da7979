"""What past visits say of every pair of a source and a destination at one time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hgl.tasks.seeds import SeedTable
from hgl.tasks.visits import Visits, known_destinations, visible_until
from hgl.typing import STATIC_TIME

if TYPE_CHECKING:
    from hgl.db.database import Database

_ALL_BELOW = 1000
"""With more destinations, only the most popular ones and those visited before are considered."""
_POPULAR = 300
_PAIRS = 1_000_000
"""Pairs at a time."""
_DAY = 86400


@dataclass(frozen=True)
class Pairs:
    """Seeds that share a time, and the destinations considered for them.

    Attributes:
        positions: [n] seeds, as positions in the seed table.
        rows: [m] destination rows, ascending.
        seen: visits of all sources that the seeds see.
        own: those visits whose source is a seed's and whose destination is considered.
        source, destination: [len(own)] which seed of the n and which destination of the m.
        until: the latest second the seeds see.
    """

    positions: np.ndarray
    rows: np.ndarray
    seen: Visits
    own: Visits
    source: np.ndarray
    destination: np.ndarray
    until: int

    def popularity(self, window: int | None) -> np.ndarray:
        """[m] visits of each destination in the last `window` seconds; None: ever."""
        counts = np.bincount(self._within(self.seen, window).destination, minlength=self._most)
        return counts[self.rows]

    def past_visits(self, window: int | None) -> np.ndarray:
        """[n, m] each seed's own visits of each destination in the last `window` seconds."""
        recent = self._is_within(self.own, window)
        counts = np.zeros((len(self.positions), len(self.rows)))
        np.add.at(counts, (self.source[recent], self.destination[recent]), 1)
        return counts

    def columns(self, timedelta: int) -> np.ndarray:
        """[n, m, columns] what a tree may ask of a pair."""
        shape = len(self.positions), len(self.rows)
        windows = [None, timedelta, 2 * timedelta, 5 * timedelta]
        own = [self.past_visits(window) for window in windows]
        last_own = np.full(shape, np.nan)
        last_own[self.source, self.destination] = self._days(self.own.time)
        last = np.full(self._most, np.nan)
        last[self.seen.destination] = self._days(self.seen.time)
        popular = [self.popularity(window) for window in windows]
        active = [np.broadcast_to(counts.sum(1, keepdims=True), shape) for counts in own]
        wide = [np.broadcast_to(column, shape) for column in (*popular, last[self.rows])]
        return np.stack([*own, last_own, *active, *wide], axis=2)

    @property
    def _most(self) -> int:
        highest = self.seen.destination.max(initial=-1)
        return int(max(highest, self.rows.max(initial=-1))) + 1

    def _days(self, time: np.ndarray) -> np.ndarray:
        return np.where(time == STATIC_TIME, np.nan, (self.until - time.astype(float)) / _DAY)

    def _is_within(self, visits: Visits, window: int | None) -> np.ndarray:
        return visits.time > (STATIC_TIME - 1 if window is None else self.until - window)

    def _within(self, visits: Visits, window: int | None) -> Visits:
        kept = self._is_within(visits, window)
        return Visits(visits.source[kept], visits.destination[kept], visits.time[kept], visits.name)


def pairs_of(db: Database, visits: Visits, seeds: SeedTable) -> Iterator[Pairs]:
    """Yield every seed once, with the destinations known at its time."""
    known = known_destinations(db, seeds)
    for moment in np.unique(seeds.time):
        until = visible_until(seeds, int(moment))
        seen = visits.between(STATIC_TIME - 1, until)
        rows = np.flatnonzero(known <= until)
        asked = np.flatnonzero(seeds.time == moment)
        size = max(1, _PAIRS // max(1, min(len(rows), _ALL_BELOW)))
        for first in range(0, len(asked), size):
            yield _pairs(seeds, asked[first : first + size], rows, seen, until)


def _pairs(
    seeds: SeedTable, positions: np.ndarray, rows: np.ndarray, seen: Visits, until: int
) -> Pairs:
    asked = seeds.entity[positions]
    places = np.full(max(asked.max(), seen.source.max(initial=-1)) + 1, -1)
    places[asked] = np.arange(len(asked))
    source = places[seen.source]
    if len(rows) > _ALL_BELOW:
        rows = np.intersect1d(rows, _considered(seen, source >= 0))
    place = np.searchsorted(rows, seen.destination).clip(max=max(0, len(rows) - 1))
    mine = (source >= 0) & (rows[place] == seen.destination)
    own = Visits(seen.source[mine], seen.destination[mine], seen.time[mine], seen.name)
    return Pairs(positions, rows, seen, own, source[mine], place[mine], until)


def _considered(seen: Visits, mine: np.ndarray) -> np.ndarray:
    counts = np.bincount(seen.destination)
    return np.union1d(counts.argsort()[-_POPULAR:], seen.destination[mine])
