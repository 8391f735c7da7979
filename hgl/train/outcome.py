"""What a run measured, and the files that say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hgl.db import times
from hgl.db.database import Database
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.learner import Learner
from hgl.train.predictions import prediction_frame, write_frame
from hgl.train.record import versions, write_text, write_yaml
from hgl.train.trainer import Progress


@dataclass(frozen=True)
class Outcome:
    """What a run measured.

    Attributes:
        metrics: split to score name to value, of the model.
        progress: how training went; without epochs where there were none.
        phases: seconds and peak memory by phase.
        predictions: split to predictions, in the order of the seed tables.
        seeds: split to seed table.
        folder: where everything was written.
    """

    metrics: dict[str, dict[str, float]]
    progress: Progress
    phases: dict[str, dict[str, float]]
    predictions: dict[str, np.ndarray]
    seeds: dict[str, SeedTable]
    folder: Path

    def write(self, db: Database, task: Task) -> None:
        """Leave scores per epoch, predictions and, last, results.yaml in the folder."""
        lines = "".join(json.dumps(row) + "\n" for row in self.progress.history)
        write_text(self.folder / "metrics.jsonl", lines)
        (self.folder / "predictions").mkdir(exist_ok=True)
        for split, prediction in self.predictions.items():
            frame = prediction_frame(db, self.seeds[split], prediction)
            write_frame(frame, self.folder / "predictions" / f"{split}.parquet")
        results = {
            "metric": task.metric,
            "metrics": self.metrics,
            "best_epoch": self.progress.best_epoch,
            "interrupted": self.progress.interrupted,
            "seeds": {s: len(t.entity) for s, t in self.seeds.items()},
            "phases": self.phases,
        }
        write_yaml(self.folder / "results.yaml", results)


def describe_run(learner: Learner, folder: Path, train: SeedTable, more: Mapping[str, Any]) -> None:
    """Write run.yaml: what a run is made of, before it trains.

    Args:
        train: its training seeds.
        more: what only this kind of learner has to say.
    """
    notes = {
        "config": dict(learner.config),
        "policy": learner.policy,
        "cut": learner.cut,
        "validate_frozen": learner.validate_frozen,
        "history": learner.history,
        "seed": learner.trainer.seed,
        "database": {
            "name": learner.db.schema.name,
            "fingerprint": learner.db.fingerprint,
            "folder": str(learner.db.folder.absolute()),
        },
        "task": {"name": learner.task.name, "fingerprint": train.fingerprint},
        "statistics_until": times.text(train.stats_until),
        **more,
        "versions": versions(),
    }
    write_yaml(folder / "run.yaml", notes)
