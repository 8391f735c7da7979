"""Which columns a seed could have: every one that the schema suggests, up to a number."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest

import numpy as np

from hgl.aggregates.answers import PERIODS
from hgl.aggregates.feature import Anchor, Feature, Source, Window
from hgl.aggregates.paths import is_timed
from hgl.aggregates.places import across, below, children
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.errors import check_range
from hgl.features.statistics import TableStatistics
from hgl.tasks.seeds import SeedTable

log = logging.getLogger(__name__)

FEW_VALUES = 256
"""Columns with more different values have no shares: their most frequent ones say too little."""
HUB_LASTS = (20, 100)
"""Windows under a row that many seeds share: its whole history may be long to read when served."""
MIN_RECURRENCES = 2
"""Periods that training must span for the phase within them to be a feature, as for encoders."""
ALL = Window()


def plan_features(
    db: Database,
    statistics: Mapping[str, TableStatistics],
    train: SeedTable,
    *,
    lasts: Sequence[int] = (5, 20),
    windows: Sequence[int] | None = None,
    depth: int = 2,
    max_values: int = 8,
    most: int = 600,
) -> FeaturePlan:
    """Return the columns that the schema suggests for the seeds of a task.

    Depth 0: the entity's own row and the seed's place in the year, week and day. Depth 1: rows that
    refer to the entity. Depth 2: rows that refer to those; and rows under a parent that the entity
    or its latest row names, the last 20 and 100 of them.

    Args:
        statistics: of every table, from `measure_tables`, without what the task hides.
        train: the training seeds.
        lasts: numbers of latest rows.
        windows: seconds before the seed's limit; None: the task's horizon, and twelve of it.
        depth: 0, 1 or 2.
        max_values: most frequent values of a categorical column that have a share each.
        most: columns kept; those of depth 2 go first, from every place as many.
    Raises: ConfigError: a number is out of range.
    """
    check_range("depth", depth, 0, 2)
    check_range("max_values", max_values, 0)
    check_range("most", most, 1)
    for name, numbers in {"lasts": lasts, "windows": windows or ()}.items():
        for number in numbers:
            check_range(name, number, 1)
    if windows is None:
        windows = (train.task.timedelta, 12 * train.task.timedelta)
    entity = train.task.entity_table
    columns = _Columns(db, statistics, max_values)
    near, far = [[*_own(statistics[entity]), *_phases(train)]], []
    if depth >= 1:
        near += [list(columns.under(s, lasts, windows)) for s in children(db.schema, entity)]
    if depth >= 2:
        far += [list(columns.under(s, lasts[-1:], windows)) for s in below(db.schema, entity)]
        far += [list(columns.at_hub(a, s)) for a, s in across(db.schema, entity)]
    features = _first(list(chain(*near)), far, most)
    features.sort(key=lambda f: f.categorical)
    vocabularies = {
        f.name: tuple(
            statistics[f.source.table if f.source else entity].vocabularies[str(f.column)]
        )
        for f in features
        if f.categorical
    }
    return FeaturePlan(entity, train.cut, tuple(features), vocabularies)


class _Columns:
    """The features that one source's columns give."""

    def __init__(
        self, db: Database, statistics: Mapping[str, TableStatistics], max_values: int
    ) -> None:
        self.schema = db.schema
        self.statistics = statistics
        self.max_values = max_values

    def under(
        self, source: Source, lasts: Sequence[int], windows: Sequence[int]
    ) -> Iterator[Feature]:
        """Yield features of rows under the entity itself."""
        timed = is_timed(self.schema, source)
        yield Feature("count", source)
        if timed:
            yield from (Feature("count", source, window=Window(seconds=s)) for s in windows)
        yield from self._history(source, Anchor(), lasts if timed else ())
        yield from self._contents(source, Anchor(), (*map(Window, lasts if timed else ()), ALL))
        for column in self._few(source):
            yield Feature("distinct", source, column=column)

    def at_hub(self, anchor: Anchor, source: Source) -> Iterator[Feature]:
        """Yield features of rows under a row that many seeds share; none of static rows."""
        if is_timed(self.schema, source):
            yield from self._history(source, anchor, HUB_LASTS)
            yield from self._contents(source, anchor, tuple(map(Window, HUB_LASTS)))

    def _history(self, source: Source, anchor: Anchor, lasts: Sequence[int]) -> Iterator[Feature]:
        """Days, and the columns of the latest row; nothing where `lasts` are none: static rows."""
        if not lasts:
            return
        for rows in dict.fromkeys((1, *lasts)):
            yield Feature("days", source, anchor, window=Window(rows))
        for column in self._numbers(source):
            yield Feature("last", source, anchor, column)
        for column in self._few(source):
            yield Feature("last", source, anchor, column, categorical=True)

    def _contents(
        self, source: Source, anchor: Anchor, windows: Sequence[Window]
    ) -> Iterator[Feature]:
        for window in windows:
            for column in self._numbers(source):
                yield Feature("mean", source, anchor, column, window=window)
        vocabularies = self.statistics[source.table].vocabularies
        for window in windows:
            for column in self._few(source):
                for value in vocabularies[column][: self.max_values]:
                    yield Feature("share", source, anchor, column, value, window)

    def _numbers(self, source: Source) -> tuple[str, ...]:
        return self.statistics[source.table].named("numerical", "boolean")

    def _few(self, source: Source) -> list[str]:
        known = self.statistics[source.table]
        return [
            c for c in known.named("categorical") if 0 < len(known.vocabularies[c]) <= FEW_VALUES
        ]


def _own(statistics: TableStatistics) -> Iterator[Feature]:
    for column in statistics.named("numerical", "boolean"):
        yield Feature("value", column=column)
    for column in statistics.named("timestamp"):
        yield Feature("age", column=column)
    for column in statistics.named("categorical"):
        yield Feature("value", column=column, categorical=True)


def _phases(train: SeedTable) -> Iterator[Feature]:
    """Yield the periods that training saw recur, if its seeds are not all at the same point."""
    for period, seconds in PERIODS.items():
        recurs = np.ptp(train.time) >= MIN_RECURRENCES * seconds
        if recurs and np.ptp(train.time % seconds):
            yield from (Feature("phase", value=f"{period} {wave}") for wave in ("sin", "cos"))


def _first(near: list[Feature], far: Sequence[Iterable[Feature]], most: int) -> list[Feature]:
    """Return at most `most` features of different names: the near ones, then the far, in turns."""
    turns = [f for turn in zip_longest(*far) for f in turn if f is not None]
    named: dict[str, Feature] = {}
    for feature in (*near, *turns):
        if named.setdefault(feature.name, feature) is not feature:
            log.warning("feature %r left out: another one has its name", feature.name)
    if len(named) > most:
        log.info("%d of %d features left out: most=%d", len(named) - most, len(named), most)
    kept = set(list(named.values())[:most])
    return [f for f in dict.fromkeys((*near, *chain(*far))) if f in kept]
