"""Up to when some seeds see: rows that stay as they are, and those that may not matter to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from hgl.aggregates.batch import limits
from hgl.db import times
from hgl.db.database import Database
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.splits import labelled_seeds
from hgl.typing import Cut, Policy

SPLITS = ("val", "test")


@dataclass(frozen=True)
class Horizon:
    """An instant, and seeds that see nothing beyond it.

    Attributes:
        split: of the seeds.
        cut: of the seeds.
        last: the latest second that they see.
        asked: policy to the seeds, without answers.
    """

    split: str
    cut: Cut
    last: int
    asked: Mapping[Policy, SeedTable]

    def __str__(self) -> str:
        return f"{times.text(self.last)}, cut {self.cut}"

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
    db: Database, task: Task, *, seeds: int, instants: int, validate_frozen: bool = True
) -> list[Horizon]:
    """Sample seeds of validation and test, under both policies and both cuts.

    Args:
        seeds: of each split, policy, cut and instant, at most.
        instants: of each split and cut, at most, the first one always.
    Raises: TaskError: labels cannot be made.
    """
    policies = ("rolling",) if task.autocomplete else get_args(Policy)
    return [
        horizon
        for split in SPLITS
        for horizon in _of_split(
            split,
            {
                policy: _unanswered(
                    labelled_seeds(
                        db,
                        task,
                        split,
                        policy=policy,
                        cut="inclusive",
                        validate_frozen=validate_frozen,
                    )
                )
                for policy in policies
            },
            seeds,
            instants,
        )
    ]


def _of_split(
    split: str, asked: Mapping[Policy, SeedTable], count: int, instants: int
) -> Iterator[Horizon]:
    for cut in get_args(Cut):
        cutting = {p: dataclasses.replace(seeds, cut=cut) for p, seeds in asked.items()}
        found = {policy: limits(seeds) for policy, seeds in cutting.items()}
        # The first instant by which seeds of every policy see what they may.
        first = max(ends.min() for ends in found.values())
        known = np.unique(np.concatenate(list(found.values())))
        for last in _spread(known[known >= first], instants):
            chosen = {
                policy: _take(cutting[policy], rows)
                for policy, ends in found.items()
                if len(rows := _latest(ends, last, count))
            }
            yield Horizon(split, cut, int(last), chosen)


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


def _unanswered(seeds: SeedTable) -> SeedTable:
    """The seeds without their answers, which an audit never reads."""
    return dataclasses.replace(seeds, target=None, notes=())
