"""One run of a model that reads no graph; its folder is that of any other run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hgl.db.database import Database
from hgl.errors import ConfigError
from hgl.graph.spec import GraphSpec
from hgl.tabular.asked import Asked, TableModel
from hgl.tasks.history import with_history
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.outcome import Outcome, describe_run
from hgl.train.phases import Phases
from hgl.train.predictions import score
from hgl.train.run import Sampling
from hgl.train.splits import labelled_seeds
from hgl.train.trainer import Trainer
from hgl.typing import Cut, Policy

_EXPECTED = {
    False: "a recommender such as model=idgnn, two-tower or popularity, as it recommends rows",
    True: "a model such as rhgnn or lightgbm, as it recommends no rows",
}
"""By whether the model recommends, what the other kind of task needs."""


@dataclass
class TableRun:
    """A database, a task and a model of its columns; see `hgl.train.run.Experiment`.

    Attributes:
        model: what learns.
        trainer: of which the seed, the device and the watcher count.
        sampling: of which the training window counts.
        spec: does not matter; nothing is drawn.
        history: the task's past answers are one more table, and its aggregates columns.
        columns: does not matter; the model says which columns it reads.
        test: look at the test split; False leaves its labels unread.
    """

    db: Database
    task: Task
    model: TableModel
    trainer: Trainer
    sampling: Sampling = field(default_factory=Sampling)
    spec: GraphSpec | None = None
    policy: Policy | None = None
    cut: Cut | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    phases: Phases = field(default_factory=Phases)
    validate_frozen: bool = True
    history: bool = False
    columns: int | None = None
    test: bool = True

    def __post_init__(self) -> None:
        self.policy = self.policy or self.task.default_policy
        self.cut = self.cut or self.task.default_cut
        if self.model.recommends != (self.task.kind == "recommendation"):
            raise ConfigError(f"{self.task}: expected {_EXPECTED[self.model.recommends]}")

    def train(self, folder: Path, *, resume: bool = False) -> Outcome:
        """Learn, predict, and leave everything in `folder`; to resume is to begin again.

        Raises: HglError: data, task or arguments are unusable.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with self.phases("labels"):
            splits = ("train", "val", "test") if self.test else ("train", "val")
            seeds = {split: self.seeds(split) for split in splits}
        describe_run(self, folder, seeds["train"], {})
        db = with_history(self.task, self.db) if self.history else self.db
        answered = self.model.answer(Asked(db, seeds, self.trainer, self.phases, folder))
        metrics = {
            split: score(seeds[split], seeds["train"], found)
            for split, found in answered.predictions.items()
        }
        predictions, progress = answered.predictions, answered.progress
        outcome = Outcome(metrics, progress, self.phases.rows, predictions, seeds, folder)
        outcome.write(self.db, self.task)
        return outcome

    def seeds(self, split: str) -> SeedTable:
        """Return the labelled seeds of `split` as this run asks them."""
        return labelled_seeds(
            self.db,
            self.task,
            split,
            policy=self.policy,
            cut=self.cut,
            validate_frozen=self.validate_frozen,
            train_window=self.sampling.train_window,
        )

    def predict(self, folder: Path, seeds: SeedTable) -> np.ndarray:
        """Raises: ConfigError: always; what a table's model learnt is not kept."""
        raise ConfigError(
            f"run={str(folder)!r}: a {type(self.model).__name__} leaves its predictions of val and "
            "test and no model to ask again; expected the run of a graph network"
        )
