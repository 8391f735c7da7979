"""The labelled seeds of a run, as its policy and cut ask them."""

from __future__ import annotations

from hgl.db.database import Database
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.typing import Cut, Policy


def labelled_seeds(
    db: Database,
    task: Task,
    split: str,
    *,
    policy: Policy | None,
    cut: Cut | None,
    validate_frozen: bool = True,
    train_window: int | None = None,
) -> SeedTable:
    """Return the seeds of `split` with their answers.

    Args:
        validate_frozen: under the frozen policy, validation seeds see the database as it was at
            the validation timestamp.
        train_window: seconds before the validation timestamp that training seeds reach back; None
            for all.
    Raises: TaskError: labels cannot be made, or no seed is left.
    """
    seeds = task.seeds(db, split, policy=policy, cut=cut)
    if split == "val" and policy == "frozen" and validate_frozen:
        return seeds.frozen_at(seeds.stats_until, db)
    if split == "train" and train_window is not None:
        return seeds.since(seeds.stats_until - train_window)
    return seeds
