"""Seed times of the three splits: RelBench's, exactly (spec of `relbench.base.BaseTask`).

Everything is int64 seconds since the epoch, UTC. A label at seed time t covers
`(t, t + timedelta]`, so the steps of one horizon never overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hgl.db import times
from hgl.errors import TaskError

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.tasks.task import Task

MIN_TRAIN_TIMESTAMPS = 3
"""RelBench refuses a task with fewer training seed times."""
MAX_TRAIN_TIMESTAMPS = 100_000
"""A horizon of seconds over years would ask about every row tens of millions of times."""


@dataclass(frozen=True)
class Bounds:
    """What the seed times are stepped from, in seconds.

    Attributes:
        first: earliest known time in the database.
        last: latest known time in the database.
        last_before_test: latest known time not after `test`.
        val: validation timestamp.
        test: test timestamp.
    """

    first: int
    last: int
    last_before_test: int
    val: int
    test: int


def check_order(val: int, test: int, timedelta: int) -> None:
    """Refuse validation windows that would reach into the test period.

    Raises: TaskError: `test - val < timedelta`.
    """
    if test <= val:
        raise TaskError(
            f"val_timestamp={times.text(val)} is not before test_timestamp={times.text(test)}"
        )
    if test - val < timedelta:
        raise TaskError(
            f"timedelta={timedelta} s is longer than the time from val_timestamp="
            f"{times.text(val)} to test_timestamp={times.text(test)}; validation labels would "
            "reach into the test period"
        )


def timestamps(task: Task, db: Database) -> tuple[int, int]:
    """Return the validation and test timestamps: the task's, else the database's.

    Raises: TaskError: nobody states them, or they are less than one horizon apart.
    """
    found = []
    for field in ("val_timestamp", "test_timestamp"):
        stated = getattr(task, field)
        stated = getattr(db.schema, field) if stated is None else stated
        if stated is None:
            raise TaskError(f"{task}: neither the task nor database {db.schema.name!r} has {field}")
        found.append(times.instant(stated))
    try:
        check_order(found[0], found[1], task.timedelta)
    except TaskError as error:
        raise TaskError(f"{task}: {error}") from None
    return found[0], found[1]


def seed_times(
    split: str,
    bounds: Bounds,
    *,
    timedelta: int,
    num_eval_timestamps: int = 1,
    num_train_timestamps: int | None = None,
) -> np.ndarray:
    """Return the seed times of `split`, ascending, [n] int64.

    Train steps back from `val - timedelta` to the first time in the database; validation steps
    forward from `val`, none after `test - timedelta`; test steps forward from `test`, none after
    `last - timedelta`. `num_train_timestamps` keeps the latest training seed times.

    Raises: TaskError: fewer than three training seed times or too many, or no whole window to
        label.
    """
    check_order(bounds.val, bounds.test, timedelta)
    if split == "train":
        return _train(bounds, timedelta, num_train_timestamps)
    if split == "val":
        start, end, seen = bounds.val, bounds.test - timedelta, bounds.last_before_test
    else:
        start, end, seen = bounds.test, bounds.last - timedelta, bounds.last
    if start + timedelta > seen:
        raise TaskError(
            f"{split} labels would be incomplete: the window from {split}_timestamp="
            f"{times.text(start)} ends {times.text(start + timedelta)}, after the last row in "
            f"sight ({times.text(seen)})"
        )
    end = min(end, start + timedelta * (num_eval_timestamps - 1))
    return np.arange(start, end + 1, timedelta, dtype=np.int64)


def _train(bounds: Bounds, timedelta: int, most: int | None) -> np.ndarray:
    count = max(0, (bounds.val - bounds.first) // timedelta)
    if count < MIN_TRAIN_TIMESTAMPS:
        raise TaskError(
            f"{count} training seed time(s) fit between the first row "
            f"({times.text(bounds.first)}) and val_timestamp={times.text(bounds.val)}; at least "
            f"{MIN_TRAIN_TIMESTAMPS} are needed: a shorter timedelta or a later val_timestamp "
            "gives more"
        )
    kept = min(count, most or count)
    if kept > MAX_TRAIN_TIMESTAMPS:
        raise TaskError(
            f"timedelta={timedelta} s makes {count} training seed times; at most "
            f"{MAX_TRAIN_TIMESTAMPS} are taken: write a longer one such as '7 days', or state "
            "num_train_timestamps"
        )
    return bounds.val - timedelta * np.arange(kept, 0, -1, dtype=np.int64)
