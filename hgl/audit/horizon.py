"""Up to when some seeds see: rows that stay as they are, and those that may not matter to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hgl.aggregates.batch import limits
from hgl.db import times
from hgl.db.database import Database
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.splits import labelled_seeds
from hgl.typing import Cut, Policy

Change = Literal["shuffle", "delete", "forge", "append"]
"""What becomes of rows beyond a horizon: values and keys permuted among them; rows gone; values,
times and keys replaced; and more rows."""
_SPLITS = ("val", "test")
_TURNS: tuple[tuple[Change, ...], ...] = (("shuffle", "delete"), ("forge", "append"))
"""Taken in turn, so that every change is made in both splits and in both cuts."""


@dataclass(frozen=True)
class Together:
    """Seeds that see rows up to their own time or, where that is earlier, another.

    Attributes:
        entity: [n] int64 rows of the entity table.
        time, visible_until: [n] int64 seconds.
    """

    entity: np.ndarray
    time: np.ndarray
    cut: Cut
    visible_until: np.ndarray


@dataclass(frozen=True)
class Horizon:
    """An instant, and seeds that see nothing beyond it.

    Attributes:
        split: of the seeds.
        cut: of the seeds.
        last: the latest second that they see.
        asked: policy to the seeds, without answers.
        changes: what becomes of rows beyond it, one after another.
    """

    split: str
    cut: Cut
    last: int
    asked: Mapping[Policy, SeedTable]
    changes: tuple[Change, ...] = get_args(Change)

    def __str__(self) -> str:
        return f"{times.text(self.last)}, cut {self.cut}"

    @property
    def together(self) -> Together:
        """The seeds of all policies, one after another."""
        parts = list(self.asked.values())
        ends = [
            s.time if s.visible_until is None else np.full(len(s), s.visible_until) for s in parts
        ]
        return Together(
            np.concatenate([seeds.entity for seeds in parts]),
            np.concatenate([seeds.time for seeds in parts]),
            self.cut,
            np.concatenate(ends),
        )

    def stays(self, db: Database) -> dict[str, np.ndarray]:
        """Return, by table, which rows the seeds may see, and their own: [rows] bool."""
        kept = {}
        for name, table in db.schema.tables.items():
            known = db.times(name)
            kept[name] = np.ones(table.num_rows, bool) if known is None else known <= self.last
        for seeds in self.asked.values():
            kept[seeds.task.entity_table][seeds.entity] = True
        return kept


def horizons(
    db: Database, task: Task, *, seeds: int, instants: int = 1, thorough: bool = False
) -> list[Horizon]:
    """Sample seeds of validation and test, under both policies and both cuts.

    Args:
        seeds: of each split, policy, cut and instant, at most.
        instants: of each split and cut, at most, the first one always.
        thorough: make every change at every horizon, not every other one.
    Raises: TaskError: labels cannot be made.
    """
    policies: tuple[Policy, ...] = ("rolling",) if task.autocomplete else get_args(Policy)
    found = []
    for turn, split in enumerate(_SPLITS):
        asked = {policy: _asked(db, task, split, policy) for policy in policies}
        for number, cut in enumerate(get_args(Cut), turn):
            for place, (last, chosen) in enumerate(_sampled(asked, cut, seeds, instants), number):
                changes = get_args(Change) if thorough else _TURNS[place % len(_TURNS)]
                found.append(Horizon(split, cut, last, chosen, changes))
    return found


def _asked(db: Database, task: Task, split: str, policy: Policy) -> SeedTable:
    """The seeds of a split without their answers, which no canary reads."""
    seeds = labelled_seeds(db, task, split, policy=policy, cut="inclusive")
    return dataclasses.replace(seeds, target=None, notes=())


def _sampled(
    asked: Mapping[Policy, SeedTable], cut: Cut, count: int, instants: int
) -> Iterator[tuple[int, dict[Policy, SeedTable]]]:
    """Some instants, and seeds that see nothing later."""
    cutting = {p: dataclasses.replace(seeds, cut=cut) for p, seeds in asked.items()}
    found = {policy: limits(seeds) for policy, seeds in cutting.items()}
    # From the first instant on by which seeds of every policy see what they may.
    first = max(ends.min() for ends in found.values())
    known = np.unique(np.concatenate(list(found.values())))
    for last in _spread(known[known >= first], instants):
        chosen = {p: _take(cutting[p], _latest(ends, last, count)) for p, ends in found.items()}
        yield int(last), chosen


def _spread(instants: np.ndarray, count: int) -> np.ndarray:
    """Some instants, evenly from the first to the last."""
    places = np.linspace(0, len(instants) - 1, min(count, len(instants))).round().astype(int)
    return instants[np.unique(places)]


def _latest(ends: np.ndarray, last: int, count: int) -> np.ndarray:
    """Seeds whose limit is `last`, evenly chosen where there are more; then earlier ones."""
    exact = np.flatnonzero(ends == last)
    if len(exact) >= count:
        return exact[np.linspace(0, len(exact) - 1, count).round().astype(int)]
    earlier = np.flatnonzero(ends < last)
    earlier = earlier[np.argsort(ends[earlier], kind="stable")]
    return np.sort(np.concatenate([exact, earlier[max(0, len(earlier) + len(exact) - count) :]]))


def _take(seeds: SeedTable, rows: np.ndarray) -> SeedTable:
    return dataclasses.replace(seeds, entity=seeds.entity[rows], time=seeds.time[rows])
