"""How much faster two processes search the flights than one does, running the same trials.

    python benchmarks/search_workers.py

Efficiency is time of one process on one core / (workers * time of several on as many cores),
between the first trial's claim and the last one's end; and of the whole command, which also starts
Python and reads the database. A process that has more than its core prepares batches on the others.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hgl.search.store import TrialStore

WORDS = (*("method=random", "finalists=1", "final_seeds=1", "model.channels=32", "rungs=[[2,1]]"),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        search(Path(folder) / "warm", 1, budget=2, steps=1)
        one = search(Path(folder) / "one", 1)
        free = search(Path(folder) / "free", 1, cores=args.workers)
        several = search(Path(folder) / "several", args.workers)
    for name, alone, together in zip(("trials", "command"), one, several, strict=True):
        efficiency = alone / args.workers / together
        print(f"{name}: {alone:.1f} s, {args.workers} workers {together:.1f} s: {efficiency:.2f}")
    print(f"trials, one process with {args.workers} cores: {free[0]:.1f} s")


def search(
    folder: Path, workers: int, budget: int = 13, steps: int = 80, cores: int | None = None
) -> tuple[float, float]:
    """Seconds from the first trial's claim to the last one's end, and of the whole command."""
    command = [sys.executable, "-m", "hgl", "search", f"out={folder}", f"workers={workers}"]
    begun = time.perf_counter()
    words = [*WORDS, f"budget={budget}", f"trainer.max_steps={steps}"]
    mine = sorted(os.sched_getaffinity(0))[: cores or workers]
    subprocess.run(
        [*command, *words],
        check=True,
        capture_output=True,
        preexec_fn=lambda: os.sched_setaffinity(0, mine),
    )
    whole = time.perf_counter() - begun
    frame = TrialStore(folder / "trials.sqlite").frame()
    return (frame["finished"].max() - frame["claimed"].min()).total_seconds(), whole


if __name__ == "__main__":
    main()
