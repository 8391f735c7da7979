"""Our scores against RelBench's own, through its submission checker, on the same predictions.

    python benchmarks/relbench_agreement.py --data <folder of a RelBench 3 dataset>
    python benchmarks/relbench_agreement.py --data <folder> --runs outputs/…/… outputs/…/…

Each predictor's test predictions go through `<dataset>__<task>.csv` into RelBench's checker, which
scores them with its own metrics. Printed is each difference and, last, the largest.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from relbench.submit import evaluate_task

from hgl.commands.folder import StoredRun
from hgl.db.database import Database
from hgl.tasks.baselines import baselines
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.predictions import score
from hgl.train.submission import write_submission

TASKS = ("driver-dnf", "driver-top3", "driver-position")


def drawn(seeds: SeedTable, digits: int) -> np.ndarray:
    """Predictions at random, so rounded that many are equal: ties are where AUROCs differ."""
    return np.random.default_rng(0).random(len(seeds)).round(digits)


def predictions(
    db: Database, task: Task, runs: list[Path]
) -> Iterator[tuple[str, SeedTable, SeedTable, np.ndarray]]:
    """Yield name, training seeds, test seeds and test predictions."""
    train, val, test = (task.seeds(db, split) for split in ("train", "val", "test"))
    for name, found in baselines(db, train, val, test).items():
        yield name, train, test, found["test"]
    for digits in (1, 2, 17):
        yield f"random, {digits} digits", train, test, drawn(test, digits)
    for run in runs:
        if StoredRun.read(str(run)).task().name == task.name:
            kept = pd.read_parquet(run / "predictions" / "test.parquet")
            yield str(run), train, test, kept["prediction"].to_numpy()


def differences(db: Database, task: Task, runs: list[Path], out: Path) -> Iterator[float]:
    """Print and yield, per predictor and metric that both have, how far the scores are apart."""
    for name, train, test, prediction in predictions(db, task, runs):
        ours = score(test, train, prediction)
        file = write_submission(db, test, prediction, out)
        theirs = evaluate_task(f"{db.schema.name}/{task.name}", file, dataset=str(db.folder))
        for metric in sorted(ours.keys() & theirs.keys()):
            apart = abs(ours[metric] - theirs[metric])
            print(f"{task.name} {metric} of {name}: {theirs[metric]:.6f}, apart {apart:.1e}")
            yield apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    asked = parser.parse_args()
    db = Database.open(asked.data)
    with tempfile.TemporaryDirectory() as out:
        apart = [
            found
            for name in asked.tasks
            for found in differences(
                db, Task.load(asked.data / "tasks" / name), asked.runs, Path(out)
            )
        ]
    print(f"largest of {len(apart)} differences: {max(apart):.1e}")


if __name__ == "__main__":
    main()
