"""One training epoch of HeteroGraphSAGE on rel-f1 driver-dnf: seconds and peak memory.

    python benchmarks/epoch.py --data ../shared/data/rel-f1 [--lean]

Batch 512, 128 channels, 2 layers, fan-out [128, 64], as RelBench's example (113 s, 4.25 GB on two
CPU cores). The first epoch warms up and is not counted; validation is not part of the figure; the
memory is the peak of the whole process, imports included (some 0.55 GB of it). `--lean` trades time
for memory: model.recompute=true trainer.free_eagerly=true.
"""

from __future__ import annotations

import argparse
import functools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the command does, before torch comes in

import hgl
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer


class Stopwatch:
    """Times the training part of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def start(self, phase: str, steps: int) -> None:
        if phase.startswith("epoch"):
            self.began = time.perf_counter()
        elif phase == "validation":
            self.seconds.append(time.perf_counter() - self.began)

    def step(self, loss: float | None) -> None:
        pass

    def epoch(self, row: dict[str, Any]) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--lean", action="store_true", help="less memory, more time")
    args = parser.parse_args()
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        outcome = Experiment(
            hgl.Database.open(args.data),
            hgl.Task.load(args.data / "tasks" / "driver-dnf"),
            functools.partial(
                RelationalModel, gnn=HeteroGraphSAGE, channels=128, recompute=args.lean
            ),
            Trainer(max_epochs=args.epochs, free_eagerly=args.lean, watcher=watch),
            Sampling(num_neighbors=(128, 64), batch_size=512),
        ).train(Path(folder))
    counted = sorted(watch.seconds[1:])
    print(f"epoch: median {counted[len(counted) // 2]:.2f} s, best {counted[0]:.2f} s")
    peak = max(phase["peak_mb"] for phase in outcome.phases.values())
    print(f"peak memory of the process: {peak * 2**20 / 1e9:.3f} GB")


if __name__ == "__main__":
    main()
