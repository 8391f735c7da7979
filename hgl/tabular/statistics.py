"""Answers that need no columns: one for all, and what the entity itself did before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hgl.tabular.asked import Answered, Asked, TableModel
from hgl.tasks.baselines import constant, entity_history
from hgl.tasks.seeds import SeedTable
from hgl.train.trainer import Progress


@dataclass(frozen=True)
class Constant(TableModel):
    """The median (regression), else the share of each class, of the splits before."""

    def answer(self, asked: Asked) -> Answered:
        """Predict the later splits."""
        return _in_turn(asked, lambda before, seeds: constant(before, seeds))


@dataclass(frozen=True)
class EntityHistory(TableModel):
    """The mean of the entity's own answers that were known by then, the prior as one more."""

    def answer(self, asked: Asked) -> Answered:
        """Predict the later splits."""
        return _in_turn(asked, lambda before, seeds: entity_history([*before, seeds], seeds))


def _in_turn(
    asked: Asked, predict: Callable[[Sequence[SeedTable], SeedTable], np.ndarray]
) -> Answered:
    splits = list(asked.seeds)
    found = {
        split: predict([asked.seeds[name] for name in splits[:i]], asked.seeds[split])
        for i, split in enumerate(splits)
        if split != "train"
    }
    return Answered(found, Progress())
