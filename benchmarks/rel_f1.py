"""Test metrics of rel-f1's entity tasks: several seeds, selected on validation, test read once.

    python benchmarks/rel_f1.py --data ../shared/data/rel-f1 --seeds 0 1 2

The settings are those of `hgl train … experiment=rel-f1`; each run leaves its folder under --out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

PUBLISHED = {"driver-dnf": 0.726, "driver-top3": 0.755, "driver-position": 4.022}
YEAR = 365 * 86400
COSINE = ("trainer.warmup_steps=20", "trainer.final_lr=0.05")
SETTINGS = {
    "driver-dnf": ("trainer.max_epochs=5", f"sampling.train_window={20 * YEAR}"),
    "driver-top3": ("trainer.max_epochs=10", "sampling.batch_size=128", *COSINE),
    "driver-position": (
        *("trainer.max_epochs=5", "sampling.batch_size=256", *COSINE),
        f"sampling.staleness={5 * YEAR}",
    ),
}
OF_THE_MODEL = {("sage", "driver-top3"): ("model.gnn.aggr=sum",)}
"""What only one model takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--tasks", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--model", default="sage", help="a file of conf/model")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("outputs/rel-f1"))
    parser.add_argument("overrides", nargs="*", help="more key=value for hgl train")
    args = parser.parse_args()
    print("| task | metric | val | test, mean ± sd | published GNN |\n|-|-|-|-|-|")
    for task in args.tasks:
        results = [run(args, task, seed) for seed in args.seeds]
        metric = results[0]["metric"]
        val, test = (
            np.array([r["metrics"][split][metric] for r in results]) for split in ("val", "test")
        )
        spread = test.std(ddof=1) if len(test) > 1 else float("nan")
        print(
            f"| {task} | {metric} | {val.mean():.4f} | {test.mean():.4f} ± {spread:.4f} "
            f"({len(test)} seeds) | {PUBLISHED[task]} |",
            flush=True,
        )


def run(args: argparse.Namespace, task: str, seed: int) -> dict:
    folder = args.out / task / f"seed-{seed}"
    command = [
        *(sys.executable, "-m", "hgl", "train", f"db={args.data}"),
        *(f"task={args.data / 'tasks' / task}", "experiment=rel-f1"),
        *(f"model={args.model}", *SETTINGS[task], *OF_THE_MODEL.get((args.model, task), ())),
        *(f"trainer.seed={seed}", f"out={folder}", "baselines=false", *args.overrides),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return yaml.safe_load((folder / "results.yaml").read_text())


if __name__ == "__main__":
    main()
