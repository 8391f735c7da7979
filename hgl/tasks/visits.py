"""Where sources met destinations before: rows of the database that refer to both."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db.schema import ForeignKey, Schema
from hgl.tasks import population
from hgl.tasks.seeds import SeedTable
from hgl.typing import STATIC_TIME

if TYPE_CHECKING:
    from hgl.db.database import Database

log = logging.getLogger(__name__)

_STEPS = 3
"""Foreign keys in a row, at most, from a table up to one end."""
_TIMES = 10
"""Latest training seed times on which tables are compared."""


@dataclass(frozen=True)
class Visits:
    """Meetings of a source row and a destination row, ordered by time.

    Attributes:
        source, destination: [n] int64 rows.
        time: [n] int64 seconds from which the meeting was known.
        name: which rows they are, for people.
    """

    source: np.ndarray
    destination: np.ndarray
    time: np.ndarray
    name: str

    def between(self, after: int, until: int) -> Visits:
        """Return those with `after < time <= until` (seconds)."""
        part = slice(*np.searchsorted(self.time, [after, until], side="right"))
        return Visits(self.source[part], self.destination[part], self.time[part], self.name)


def find_visits(db: Database, train: SeedTable) -> Visits:
    """Return the visits that come closest to the training labels.

    A table has visits where foreign keys, one or several in a row, lead from it to the task's
    entity table and to its destination table. Of all such tables and ways, the one is taken whose
    visits in `(t, t + timedelta]` agree best (F1) with the labels at the latest training times t.
    Where there is none, the training labels stand in, each known from `t + timedelta`.
    """
    ends = train.task, train.task.of_destinations()
    found = list(_all_visits(db, ends[0].entity_table, ends[1].entity_table))
    if not found:
        log.info("no table refers to both ends: the training labels stand in for visits")
        return _of_labels(train)
    best = max(found, key=lambda visits: _agreement(visits, train))
    log.info("visits are %s", best.name)
    return best


def visible_until(seeds: SeedTable, moment: int) -> int:
    """The latest second that seeds at `moment` see."""
    limit = moment if seeds.visible_until is None else min(moment, seeds.visible_until)
    return limit - (seeds.cut == "strict")


def known_destinations(db: Database, seeds: SeedTable) -> np.ndarray:
    """[destinations] int64 seconds from which each may be recommended."""
    return population.known_from(seeds.task.of_destinations(), db)


def _of_labels(train: SeedTable) -> Visits:
    owner = train.answers.owner
    return Visits(
        train.entity[owner],
        train.answers.values,
        train.time[owner] + train.task.timedelta,
        "training labels",
    )


def _all_visits(db: Database, source: str, destination: str) -> Iterator[Visits]:
    """Shortest ways first."""
    ways = []
    for table in db.schema.tables:
        to_source = list(_climbs(db.schema, table, source, _STEPS))
        to_destination = list(_climbs(db.schema, table, destination, _STEPS))
        ways += [(table, *pair) for pair in product(to_source, to_destination) if any(pair)]
    for table, first, second in sorted(ways, key=lambda way: len(way[1]) + len(way[2])):
        yield _visits(db, table, first, second)


def _climbs(schema: Schema, table: str, end: str, steps: int) -> Iterator[tuple[ForeignKey, ...]]:
    """Every way up from a table to another, by foreign keys."""
    if table == end:
        yield ()
    elif steps:
        for fkey in schema.table(table).fkeys:
            for rest in _climbs(schema, fkey.parent, end, steps - 1):
                yield (fkey, *rest)


def _visits(
    db: Database, table: str, first: tuple[ForeignKey, ...], second: tuple[ForeignKey, ...]
) -> Visits:
    own = db.times(table)
    since = np.full(db.schema.table(table).num_rows, STATIC_TIME) if own is None else own
    source, source_since = _ends(db, table, first)
    destination, destination_since = _ends(db, table, second)
    time = np.maximum.reduce([since, source_since, destination_since])
    order = np.argsort(time, kind="stable")
    order = order[(source[order] >= 0) & (destination[order] >= 0)]
    ways = (".".join(fkey.name for fkey in way) or "row" for way in (first, second))
    name = f"{table} ({', '.join(ways)})"
    return Visits(source[order], destination[order], time[order], name)


def _ends(db: Database, table: str, way: tuple[ForeignKey, ...]) -> tuple[np.ndarray, np.ndarray]:
    """[rows] where a way leads from each row, -1 for nowhere, and from when all on it is known."""
    at = np.arange(db.schema.table(table).num_rows)
    since = np.full(len(at), STATIC_TIME)
    for fkey in way:
        column = pq.read_table(db.path(table), columns=[fkey.row_col]).column(0)
        parents = column.cast(pa.int64()).fill_null(-1).to_numpy()
        at = np.where(at < 0, -1, np.append(parents, -1)[at])
        known = db.times(fkey.parent)
        if known is not None:
            since = np.maximum(since, np.append(known, STATIC_TIME)[at])
        table = fkey.parent
    return at, since


def _agreement(visits: Visits, train: SeedTable) -> float:
    """F1 of visits and labels over the pairs of the latest training times."""
    hits = made = right = 0
    for moment in np.unique(train.time)[-_TIMES:]:
        asked = train.time == moment
        inside = visits.between(moment, moment + train.task.timedelta)
        inside_asked = np.isin(inside.source, train.entity[asked])
        answers = train.answers[asked]
        labels = _pairs(train.entity[asked][answers.owner], answers.values)
        found = _pairs(inside.source[inside_asked], inside.destination[inside_asked])
        hits += len(labels & found)
        made, right = made + len(found), right + len(labels)
    return 2 * hits / max(1, made + right)


def _pairs(source: np.ndarray, destination: np.ndarray) -> set[tuple[int, int]]:
    return set(zip(source.tolist(), destination.tolist(), strict=True))
