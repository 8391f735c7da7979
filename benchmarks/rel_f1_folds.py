"""Compare settings for a rel-f1 task on earlier temporal folds; no test label is ever read.

    python benchmarks/rel_f1_folds.py driver-dnf "" "model.channels=64" "model.dropout=0.5"

Each argument after the task is one setting, added to what `hgl bench suite=rel-f1` runs. A fold is
the benchmark itself, moved back in time: train on what is known by year y, select the epoch on the
five years from y, score the five years after those, each with the database frozen at its start. The
last fold ends where the real test begins.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from suite_words import network_words

TASKS = ("driver-dnf", "driver-top3", "driver-position")
YEARS = 5


def fold(data: Path, task: str, year: int, folder: Path) -> Path:
    """Write a dataset in which `year` is the validation timestamp; tables are links to `data`'s."""
    val, test, end = (pd.Timestamp(year + years, 1, 1) for years in (0, YEARS, 2 * YEARS))
    manifest = yaml.safe_load((data / "manifest.yaml").read_text())
    manifest |= {"val_timestamp": str(val.date()), "test_timestamp": str(test.date())}
    (folder / "tasks" / task).mkdir(parents=True)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    (folder / "db").symlink_to((data / "db").resolve())
    source = data / "tasks" / task
    stored = (source / "manifest.yaml").read_text()
    (folder / "tasks" / task / "manifest.yaml").write_text(stored)
    rows = pd.concat([pd.read_parquet(source / f"{split}.parquet") for split in ("train", "val")])
    seed, horizon = rows["date"], pd.Timedelta(yaml.safe_load(stored)["timedelta"])
    splits = {
        "train": seed + horizon <= val,
        "val": (seed >= val) & (seed + horizon <= test),
        "test": (seed >= test) & (seed < end),
    }
    for split, kept in splits.items():
        path = folder / "tasks" / task / f"{split}.parquet"
        rows[kept].reset_index(drop=True).to_parquet(path, index=False)
    return folder


def measure(task: str, model: str, setting: str, folds: list[Path], seeds: list[int]) -> np.ndarray:
    """[folds, seeds] score of the years that selected nothing."""
    metric = []
    for data in folds:
        words = [*network_words("rel-f1", task, model), *shlex.split(setting)]
        results = [train(data, task, [f"model={model}", *words], seed) for seed in seeds]
        metric.append([r["metrics"]["test"][r["metric"]] for r in results])
    return np.array(metric)


def train(data: Path, task: str, words: list[str], seed: int) -> dict:
    """Return the results of one run."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        where = [f"db={data}", f"task={data / 'tasks' / task}", f"trainer.seed={seed}"]
        command = [sys.executable, "-m", "hgl", "train", *where, *words, f"out={folder}"]
        subprocess.run([*command, "baselines=false"], check=True, stdout=subprocess.DEVNULL)
        return yaml.safe_load((folder / "results.yaml").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument(
        "settings", nargs="+", help='overrides, as in "model.channels=64 trainer.lr=0.002"'
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--model", default="sage", help="a file of conf/model")
    parser.add_argument("--years", nargs="+", type=int, default=[1990, 1995, 2000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folds = {y: fold(args.data, args.task, y, Path(scratch) / str(y)) for y in args.years}
        print(f"| mean | {' | '.join(map(str, folds))} | setting |\n{'|-' * (len(folds) + 2)}|")
        for setting in args.settings:
            values = measure(args.task, args.model, setting, list(folds.values()), args.seeds)
            cells = " | ".join(f"{v.mean():.4f} ± {v.std(ddof=1):.4f}" for v in values)
            print(f"| {values.mean():.4f} | {cells} | {setting or 'as it is'} |", flush=True)


if __name__ == "__main__":
    main()
