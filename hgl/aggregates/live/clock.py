"""When a row became known, as SQL: conditions that use an index, and values."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from hgl.aggregates.live.place import EARLIEST, DialectName, Moment, Place

SECONDS = "({} + CASE WHEN {} > 0 THEN 999999 ELSE 0 END) / 1000000"
"""SQL of microseconds as seconds, rounded up; division goes towards zero, up below it."""

_EARLIEST, _LATEST = EARLIEST * 10**6, 10**18
"""In microseconds; never known is the latest of all."""


@dataclass(frozen=True)
class Clock:
    """The time of some rows.

    Attributes:
        moment: how it is read; its column is qualified, or an expression.
        joins: of the rows that it is inherited from.
    """

    moment: Moment
    joins: tuple[str, ...] = ()

    def until(self, limit: str) -> str:
        """SQL condition: known by `limit` (seconds)."""
        column, moment = self.moment.column, self.moment
        early = f"{column} <= {moment.bound.replace('{}', limit)}"
        if moment.least is not None:
            early = f"{column} >= {moment.least} AND {early}"
        return f"({early} OR {column} IS NULL)" if moment.null_visible else early

    def after(self, limit: str) -> str:
        """SQL condition: known, and later than `limit` (seconds)."""
        return f"{self.moment.column} > {self.moment.bound.replace('{}', limit)}"

    @property
    def ticks(self) -> str:
        """SQL of the time in microseconds; null where it is unknown."""
        return self.moment.ticks.replace("{}", self.moment.column)

    @property
    def seconds(self) -> str:
        """SQL of the time in whole seconds, rounded up; the earliest of all where unknown."""
        rounded = self.moment.seconds.replace("{}", self.moment.column)
        return f"coalesce({rounded}, {EARLIEST})" if self.moment.null_visible else rounded

    @property
    def exact(self) -> str:
        """SQL by which rows are stored in order of time."""
        return self.moment.exact.replace("{}", self.moment.column)


def clock_of(place: Place, table: str, alias: str) -> Clock | None:
    """Return the clock of the rows of `table` called `alias`; None where they are static."""
    known = place.tables[table]
    if known.time is not None:
        column = f"{alias}.{known.time.column}"
        return Clock(dataclasses.replace(known.time, column=column))
    if not known.inherited:
        return None
    joins: list[str] = []
    times = []
    for i, fkey in enumerate(known.inherited):
        link, parent = known.links[fkey], f"{alias}_{i}"
        clock = clock_of(place, link.parent, parent)
        assert clock is not None
        joins += [
            f"LEFT JOIN {place.tables[link.parent].quoted} {parent} ON "
            + equal(parent, link.parent_columns, [f"{alias}.{c}" for c in link.columns]),
            *clock.joins,
        ]
        unknown = _EARLIEST if clock.moment.null_visible else _LATEST
        present = f"{parent}.{link.parent_columns[0]} IS NOT NULL"
        times.append(
            f"CASE WHEN {present} THEN coalesce({clock.ticks}, {unknown}) ELSE {_EARLIEST} END"
        )
    latest = greatest(place.dialect, times)
    known_at = f"CASE WHEN {latest} NOT IN ({_EARLIEST}, {_LATEST}) THEN {latest} END"
    return Clock(Moment(f"({known_at})", "{} * 1000000", SECONDS, "{}"), tuple(joins))


def greatest(dialect: DialectName, values: Sequence[str]) -> str:
    """SQL of the largest of `values`, none of them null."""
    if len(values) == 1:
        return values[0]
    return f"{'greatest' if dialect == 'postgresql' else 'max'}({', '.join(values)})"


def equal(alias: str, columns: Sequence[str], values: Sequence[str]) -> str:
    """SQL condition: each column of `alias` equals its value."""
    return " AND ".join(f"{alias}.{c} = {value}" for c, value in zip(columns, values, strict=True))
