"""Rows that a database returned, as numbers and codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from hgl.aggregates.answers import DAY, PERIODS
from hgl.aggregates.feature import OF_TIME, Feature
from hgl.aggregates.live.place import Place
from hgl.aggregates.live.query import Query
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable

Parts = Sequence[Sequence[Any]]
"""One row per part of a statement."""
_MISSING, _UNKNOWN, _FIRST = 0, 1, 2


class Cells:
    """Reads what the statement of a plan returns for a seed."""

    def __init__(self, place: Place, plan: FeaturePlan, query: Query) -> None:
        self.plan = plan
        self._sizes = [(len(n), len(t)) for n, t in zip(query.numbers, query.texts)]
        self._width = query.width
        found = [f for part in zip(query.numbers, query.texts) for held in part for f in held]
        self._numbers = _positions(found, [f for f in plan.numerical if f.function not in OF_TIME])
        self._stored = [i for i, f in enumerate(plan.numerical) if f.function not in OF_TIME]
        self._of_time = [i for i, f in enumerate(plan.numerical) if f.function in OF_TIME]
        self._texts = _positions(found, plan.categorical)
        self._codes = [_codes(place, plan, f) for f in plan.categorical]

    def table(self, seeds: Sequence[Parts], times: Sequence[int]) -> FeatureTable:
        """Return the columns of seeds at `times` (seconds), one row each.

        Args:
            seeds: [n] rows of all parts, in any order.
        """
        cells = [self._flat(parts) for parts in seeds]
        numerical = np.full((len(seeds), len(self.plan.numerical)), np.nan)
        if self._stored:
            # None becomes NaN.
            numbers = np.array([self._numbers(c) for c in cells], np.float64)
            numerical[:, self._stored] = numbers.reshape(len(seeds), len(self._stored))
        for i in self._of_time:
            numerical[:, i] = _of_time(self.plan.numerical[i], np.asarray(times, np.int64))
        codes = [
            [known.get(cell, _UNKNOWN) for known, cell in zip(self._codes, self._texts(c))]
            for c in cells
        ]
        shape = len(seeds), len(self._codes)
        return FeatureTable(self.plan, numerical, np.array(codes, np.int64).reshape(shape))

    def _flat(self, parts: Parts) -> list[Any]:
        """Return the cells of all parts, without the nulls that fill their rows."""
        found: list[Any] = []
        for part, *cells in sorted(parts, key=_part):
            numbers, texts = self._sizes[part]
            found += cells[:numbers]
            found += cells[self._width : self._width + texts]
        return found


_part = itemgetter(0)


def _positions(found: Sequence[Feature], wanted: Sequence[Feature]) -> Callable[[Any], Any]:
    """Return what picks the cells of `wanted` out of those of `found`."""
    places = {f: i for i, f in enumerate(found)}
    chosen = [places[f] for f in wanted]
    if len(chosen) > 1:
        return itemgetter(*chosen)
    return lambda cells: [cells[i] for i in chosen]


def _codes(place: Place, plan: FeaturePlan, feature: Feature) -> dict[Any, int]:
    """Return the code of every cell that is known; None is missing."""
    table = feature.source.table if feature.source else plan.entity_table
    reading = place.tables[table].texts[str(feature.column)]
    known = enumerate(plan.vocabularies[feature.name], _FIRST)
    codes = {reading.key(text): code for code, text in known}
    return {**codes, None: _MISSING}


def _of_time(feature: Feature, times: np.ndarray) -> np.ndarray:
    if feature.function == "since":
        return (times - int(str(feature.value))) / DAY
    period, wave = str(feature.value).split(" ")
    angle = 2 * np.pi * (times % PERIODS[period]) / PERIODS[period]
    return np.sin(angle) if wave == "sin" else np.cos(angle)
