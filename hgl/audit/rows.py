"""Which rows a changed table has, and where each of the old ones has gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from hgl.audit.horizon import Change
from hgl.db.database import Database

_SHARE, _LEAST, _MOST = 10, 20, 1000
"""Appended rows: one for so many that there are, within these bounds."""


@dataclass(frozen=True)
class Rows:
    """The rows of a changed table.

    Attributes:
        source: [new rows] int64, the old row that each is made from.
        added: [new rows] bool, whether it is one more.
        beyond: [new rows] bool, whether it is not to matter.
        position: [old rows] int64, where each old row stands now, -1 where it is gone.
    """

    source: np.ndarray
    added: np.ndarray
    beyond: np.ndarray
    position: np.ndarray

    @classmethod
    def same(cls, stays: np.ndarray) -> Rows:
        """All the old rows, and no other."""
        order = np.arange(len(stays))
        return cls(order, np.zeros(len(stays), bool), ~stays, order)

    @property
    def moved(self) -> bool:
        """Whether a row that was there is elsewhere, or gone."""
        return not np.array_equal(self.position, np.arange(len(self.position)))


def changed_rows(
    db: Database, stays: Mapping[str, np.ndarray], change: Change, tables: Collection[str]
) -> dict[str, Rows]:
    """Say which rows each table has after a change to some.

    Rows that stay keep their positions: none is inserted before one, or deleted. A row beyond the
    horizon that a row which stays refers to is not deleted either: the reference is known, what
    it leads to is not.
    """
    rows = {name: Rows.same(kept) for name, kept in stays.items()}
    if change == "delete":
        named = _named(db, stays)
        for name in tables:
            rows[name] = _without(stays[name], named[name])
    elif change == "append":
        for name in tables:
            rows[name] = _with_more(db, name, stays[name])
    return rows


def _named(db: Database, stays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By table, the rows that rows which stay refer to: [rows] bool."""
    named = {name: np.zeros(len(kept), bool) for name, kept in stays.items()}
    for table in db.schema.tables.values():
        if table.fkeys:
            frame = db.frame(table.name, list(dict.fromkeys(f.row_col for f in table.fkeys)))
            for fkey in table.fkeys:
                rows = frame[fkey.row_col][stays[table.name]].dropna().to_numpy(np.int64)
                named[fkey.parent][rows] = True
    return named


def _without(stays: np.ndarray, named: np.ndarray) -> Rows:
    last = np.flatnonzero(stays).max(initial=-1)
    kept = stays | named | (np.arange(len(stays)) <= last)
    source = np.flatnonzero(kept)
    position = np.where(kept, kept.cumsum() - 1, -1)
    return Rows(source, np.zeros(len(source), bool), ~stays[source], position)


def _with_more(db: Database, name: str, stays: np.ndarray) -> Rows:
    """More rows after all that have a time; none where untimed rows, which come last, stay."""
    count, column = len(stays), db.schema.table(name).time_col
    null = db.frame(name, [str(column)])[column].isna().to_numpy()
    if not count or stays[null].any():
        return Rows.same(stays)
    more = int(np.clip(count // _SHARE, _LEAST, _MOST))
    timed = int(count - null.sum())
    copied = np.random.default_rng(0).integers(0, count, more)
    source = np.concatenate([np.arange(timed), copied, np.arange(timed, count)])
    added = np.zeros(len(source), bool)
    added[timed : timed + more] = True
    beyond = np.where(added, True, ~stays[source])
    position = np.where(np.arange(count) < timed, np.arange(count), np.arange(count) + more)
    return Rows(source, added, beyond, position)
