"""What `hgl train` runs: a database, a task, and something that learns it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hgl.db.database import Database
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.phases import Phases
from hgl.train.trainer import Trainer
from hgl.typing import Cut, Policy

if TYPE_CHECKING:
    from hgl.train.outcome import Outcome


class Learner(Protocol):
    """A graph network's `hgl.train.run.Experiment`, or what takes its place.

    Attributes:
        config: what the caller wants kept beside the results.
        phases: collects wall time and peak memory.
        test: whether the test split is looked at, at the end.
    """

    db: Database
    task: Task
    trainer: Trainer
    policy: Policy | None
    cut: Cut | None
    config: Mapping[str, Any]
    phases: Phases
    validate_frozen: bool
    history: bool
    test: bool

    def train(self, folder: Path, *, resume: bool = False) -> Outcome:
        """Learn, predict, and leave everything in `folder`."""

    def seeds(self, split: str) -> SeedTable:
        """Return the labelled seeds of `split` as this learner asks them."""

    def predict(self, folder: Path, seeds: SeedTable) -> np.ndarray:
        """Predict `seeds` with what a run left in `folder`."""
