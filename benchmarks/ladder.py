"""The ladder of distillation on four tasks: what a student keeps of its teacher, and what gave it.

    python benchmarks/ladder.py --data ../shared/data/rel-f1 --students 10
    python benchmarks/ladder.py --tasks plane-late driver-dnf --policies rolling

Teachers have the settings of `hgl bench suite=rel-f1` and of `hgl bench suite=plane-late`; each
folder under --out keeps its whole ladder. Test is read once per task, policy and teacher.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import yaml
from suite_words import network_words

TASKS = ("driver-dnf", "driver-top3", "driver-position", "plane-late")
SHOWN = ("constant", "row", "row+KD", "row+agg", "row+agg+KD", "row+agg+KD+codes")
OTHERS = ("LightGBM on aggregates", "teacher")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--policies", nargs="+", default=["frozen", "rolling"])
    parser.add_argument("--students", type=int, default=10, help="seeds of each student")
    parser.add_argument("--seed", type=int, default=0, help="of the teacher")
    parser.add_argument("--out", type=Path, default=Path("outputs/ladder"))
    parser.add_argument("overrides", nargs="*", help="more key=value for hgl distill")
    args = parser.parse_args()
    names = (*SHOWN, *OTHERS)
    print(f"| task, policy | {' | '.join(names)} |\n{'|-' * (len(names) + 1)}|", flush=True)
    for task in args.tasks:
        # Flights are asked week by week as they come; RelBench's frozen regime is rel-f1's.
        for policy in ["rolling"] if task == "plane-late" else args.policies:
            rows = {row["predictor"]: row for row in climb(args, task, policy)}
            cells = [cell(rows[name]) if name in rows else "–" for name in names]
            print(f"| {task}, {policy} | {' | '.join(cells)} |", flush=True)


def cell(row: dict) -> str:
    """Test, and what is kept of the teacher."""
    test, kept = row["test"], row["retention"]
    score = f"{test['value']:.4f} [{test['low']:.4f}, {test['high']:.4f}]"
    if row["predictor"] in ("constant", "teacher"):
        return score
    return f"{score}, {kept['value']:.0%} [{kept['low']:.0%}, {kept['high']:.0%}]"


def climb(args: argparse.Namespace, task: str, policy: str) -> list[dict]:
    """Train a teacher, distil it, return the rows of its ladder."""
    run = args.out / f"{task}-{policy}" / "teacher"
    student = run.with_name("student")
    if not (run / "results.yaml").exists():
        hgl("train", *teacher(args, task), f"policy={policy}", f"out={run}", "baselines=false")
    if not (student / "ladder.yaml").exists():
        words = (f"run={run}", f"seeds={args.students}", f"out={student}")
        hgl("distill", *words, *args.overrides)
    return yaml.safe_load((student / "ladder.yaml").read_text())["rows"]


def teacher(args: argparse.Namespace, task: str) -> list[str]:
    """What `hgl train` is told."""
    if task == "plane-late":
        return ["experiment=plane-late", f"trainer.seed={args.seed}"]
    where = [f"db={args.data}", f"task={args.data / 'tasks' / task}"]
    return [*where, "model=sage", *network_words("rel-f1", task), f"trainer.seed={args.seed}"]


def hgl(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "hgl", *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
