"""Test metrics of rel-f1's entity tasks: several seeds, selected on validation, test read once.

    python benchmarks/rel_f1.py --data ../shared/data/rel-f1 --seeds 0 1 2
    python benchmarks/rel_f1.py --models rhgnn latte relgnn hgt sage --seeds 0 1 2 3 4

The settings are those of `hgl train … experiment=rel-f1`, with what a task adds below, the same for
every model but GraphSAGE; each run leaves its folder under --out. What chose them: docs/numbers.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from scipy import stats

TASKS = ("driver-dnf", "driver-top3", "driver-position")
YEAR = 365 * 86400
COSINE = ("trainer.warmup_steps=20", "trainer.final_lr=0.05")
AGGREGATES = "sampling.aggregates=[1,5,20,100]"
SETTINGS = {
    "driver-dnf": ("trainer.max_epochs=5", f"sampling.train_window={20 * YEAR}", AGGREGATES),
    "driver-top3": ("trainer.max_epochs=10", "sampling.batch_size=128", *COSINE, AGGREGATES),
    "driver-position": (
        *("trainer.max_epochs=5", "sampling.batch_size=256", *COSINE),
        *(f"sampling.staleness={5 * YEAR}", "history=true"),
    ),
}
OF_THE_MODEL = {
    ("sage", "driver-top3"): ("model.gnn.aggr=sum",),
    ("sage", "driver-position"): ("model.dropout=0.5", "model.gnn.dropout=0.5"),
}
"""What only one model takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--models", nargs="+", default=["sage"], help="files of conf/model")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("outputs/rel-f1"))
    parser.add_argument("overrides", nargs="*", help="more key=value for hgl train")
    args = parser.parse_args()
    print(f"| model | {' | '.join(args.tasks)} |\n{'|-' * (len(args.tasks) + 1)}|", flush=True)
    for model in args.models:
        cells = [cell([run(args, model, task, seed) for seed in args.seeds]) for task in args.tasks]
        print(f"| {model} | {' | '.join(cells)} |", flush=True)


def cell(results: list[dict]) -> str:
    """Test: mean ± standard deviation, the mean's 95 % interval (Student's t); validation: mean."""
    metric, count = results[0]["metric"], len(results)
    val, test = (
        np.array([r["metrics"][split][metric] for r in results]) for split in ("val", "test")
    )
    if count == 1:
        return f"{test[0]:.4f}, val {val[0]:.4f}"
    spread = test.std(ddof=1)
    reach = stats.t.ppf(0.975, count - 1) * spread / count**0.5
    low, high = test.mean() - reach, test.mean() + reach
    return f"{test.mean():.4f} ± {spread:.4f} [{low:.4f}, {high:.4f}], val {val.mean():.4f}"


def run(args: argparse.Namespace, model: str, task: str, seed: int) -> dict:
    folder = args.out / model / task / f"seed-{seed}"
    command = [
        *(sys.executable, "-m", "hgl", "train", f"db={args.data}"),
        *(f"task={args.data / 'tasks' / task}", "experiment=rel-f1"),
        *(f"model={model}", *SETTINGS[task], *OF_THE_MODEL.get((model, task), ())),
        *(f"trainer.seed={seed}", f"out={folder}", "baselines=false", *args.overrides),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return yaml.safe_load((folder / "results.yaml").read_text())


if __name__ == "__main__":
    main()
