"""What a model without a graph is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from hgl.aggregates.batch import compute
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.features.encode import measure_tables
from hgl.tasks.seeds import SeedTable
from hgl.train.phases import Phases
from hgl.train.trainer import Progress, Trainer


@dataclass(frozen=True)
class Asked:
    """Labelled seeds of a database, and where to leave what is made of them.

    Attributes:
        db: the tables, past answers among them where they were asked for.
        seeds: `train`, `val` and, unless it stays unread, `test`.
        trainer: whose seed, device and watcher count.
        folder: of the run.
    """

    db: Database
    seeds: Mapping[str, SeedTable]
    trainer: Trainer
    phases: Phases
    folder: Path

    @property
    def train(self) -> SeedTable:
        """The training seeds."""
        return self.seeds["train"]

    @property
    def val(self) -> SeedTable:
        """The validation seeds."""
        return self.seeds["val"]

    def tables(self) -> dict[str, FeatureTable]:
        """Return every compiled column (see `hgl.aggregates`) of the seeds of each split."""
        with self.phases("columns"):
            hidden = self.train.task.remove_columns
            statistics = measure_tables(self.db, stats_until=self.train.stats_until, hidden=hidden)
            plan = plan_features(self.db, statistics, self.train)
            return {split: compute(self.db, plan, seeds) for split, seeds in self.seeds.items()}


@dataclass(frozen=True)
class Answered:
    """Predictions of `val` and, where it was asked, `test`, as `evaluate` takes them.

    Attributes:
        progress: how training went; without epochs where there were none.
    """

    predictions: dict[str, np.ndarray]
    progress: Progress


class TableModel(Protocol):
    """A model that reads no graph: built from plain values, then asked once.

    Attributes:
        recommends: whether it answers recommendation tasks; else it answers all others.
    """

    recommends: ClassVar[bool] = False

    def answer(self, asked: Asked) -> Answered:
        """Learn from the training seeds, select on validation, predict the later splits."""
