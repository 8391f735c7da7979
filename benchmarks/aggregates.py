"""Point-in-time columns: seconds to compute them, and what LightGBM makes of them.

    python benchmarks/aggregates.py --data ../shared/data/rel-f1

Seconds are those of all seeds of a task (training, validation, test), best of three, and those that
the cores worked meanwhile: what else the machine does makes only the first longer. LightGBM is
fitted on training, stopped on validation; test is read once per line. `pruned`: the columns that
`prune` keeps; the others are all that `plan_features` says.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hgl import datasets
from hgl.aggregates.batch import compute
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.prune import prune
from hgl.db.database import Database
from hgl.features.encode import measure_tables
from hgl.tasks.boosting import boosted
from hgl.tasks.metrics import evaluate
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task

TASKS = ("driver-dnf", "driver-top3", "driver-position")
SPLITS = ("train", "val", "test")
POLICIES = ("frozen", "rolling")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--parts", nargs="+", default=("seconds", "scores"))
    parser.add_argument("--depths", nargs="+", type=int, default=[1, 2])
    args = parser.parse_args()
    f1 = Database.open(args.data)
    if "seconds" in args.parts:
        print(
            "| task | depth | seeds | columns | seconds | core seconds |\n|-|-|-|-|-|-|", flush=True
        )
        print_seconds(f1, Task.load(args.data / "tasks" / "driver-dnf"), args.depths)
        print_seconds(datasets.open("flights"), Task.load("plane-late"), args.depths)
    if "scores" in args.parts:
        print("| task | policy | metric | columns | val | test |\n|-|-|-|-|-|-|", flush=True)
        for name in args.tasks:
            for policy in POLICIES:
                print_scores(f1, Task.load(args.data / "tasks" / name), policy, args.depths)


def print_seconds(db: Database, task: Task, depths: Sequence[int]) -> None:
    seeds = [task.seeds(db, split) for split in SPLITS]
    every = dataclasses.replace(
        seeds[0],
        entity=np.concatenate([s.entity for s in seeds]),
        time=np.concatenate([s.time for s in seeds]),
    )
    for depth in depths:
        plan = planned(db, seeds[0], depth)
        best = min(stopwatch(db, plan, every) for _ in range(3))
        cells = (task.name, depth, len(every), len(plan.features), *(f"{s:.2f}" for s in best))
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def stopwatch(db: Database, plan: FeaturePlan, seeds: SeedTable) -> tuple[float, float]:
    start, worked = time.perf_counter(), time.process_time()
    compute(db, plan, seeds)
    return time.perf_counter() - start, time.process_time() - worked


def planned(db: Database, train: SeedTable, depth: int) -> FeaturePlan:
    hidden = train.task.remove_columns
    statistics = measure_tables(db, stats_until=train.stats_until, hidden=hidden)
    return plan_features(db, statistics, train, depth=depth)


def print_scores(db: Database, task: Task, policy: str, depths: Sequence[int]) -> None:
    seeds = {split: task.seeds(db, split, policy=policy) for split in SPLITS}
    for label, plan in plans(db, seeds, depths):
        frames = {split: compute(db, plan, s).frame() for split, s in seeds.items()}
        found = boosted(frames, seeds["train"], seeds["val"])
        scores = [
            evaluate(task.kind, seeds[split].answers, found[split])[task.metric]
            for split in ("val", "test")
        ]
        cells = (task.name, policy, task.metric, label, *(f"{s:.4f}" for s in scores))
        print(f"| {' | '.join(cells)} |", flush=True)


def plans(
    db: Database, seeds: dict[str, SeedTable], depths: Sequence[int]
) -> Iterator[tuple[str, FeaturePlan]]:
    """Yield the plan of each depth, and the last one pruned."""
    train, val = seeds["train"], seeds["val"]
    for depth in depths:
        plan = planned(db, train, depth)
        yield f"{len(plan.features)}, depth {depth}", plan
    tables = (compute(db, plan, train), train.answers, compute(db, plan, val), val.answers)
    pruned = prune(*tables, train.task.kind)
    yield f"{len(pruned.features)}, pruned", pruned


if __name__ == "__main__":
    main()
