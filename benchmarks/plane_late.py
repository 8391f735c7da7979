"""`hgl train` on flights plane-late: several seeds beside its baselines.

    python benchmarks/plane_late.py experiment=plane-late --seeds 0 1 2
    python benchmarks/plane_late.py

The epoch is selected on validation, test is scored once per run; each run leaves its folder. How
the experiment was chosen, and how often test was read: docs/numbers.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml


def main() -> None:
    """Print one line per predictor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("outputs/plane-late"))
    parser.add_argument("overrides", nargs="*", help="more key=value for hgl train")
    args = parser.parse_args()
    folders = [run(args.out / f"seed-{seed}", seed, args.overrides) for seed in args.seeds]
    results = [yaml.safe_load((folder / "results.yaml").read_text()) for folder in folders]
    baselines = yaml.safe_load((folders[0] / "baselines.yaml").read_text())
    scores = {"hgl": [r["metrics"] for r in results]}
    scores |= {name: [found] for name, found in baselines.items()}
    metric = results[0]["metric"]
    print(f"| predictor | runs | {metric} on val | on test |\n|-|-|-|-|")
    for name, found in scores.items():
        cells = [spread([run[split][metric] for run in found]) for split in ("val", "test")]
        print(f"| {name} | {len(found)} | {' | '.join(cells)} |")


def run(folder: Path, seed: int, overrides: list[str]) -> Path:
    """Train once."""
    command = [sys.executable, "-m", "hgl", "train", f"trainer.seed={seed}", f"out={folder}"]
    subprocess.run([*command, *overrides], check=True, stdout=subprocess.DEVNULL)
    return folder


def spread(values: list[float]) -> str:
    """Mean, and the standard deviation of several."""
    more = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{more}"


if __name__ == "__main__":
    main()
