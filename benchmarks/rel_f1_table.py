"""Train on every graph model of a rel-f1 task, and keep the scores as one table.

    python benchmarks/rel_f1_table.py --task driver-top3 --seeds 3 --workers 2

All 722 models at one small, fixed fidelity (below), so that methods can be compared on the table in
seconds, as RDB2G-Bench does (arXiv:2506.01360). Validation is RelBench's, as there. Trials are kept
in --store as they end: run the command again to go on.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from hgl.db.cache import digest
from hgl.db.database import Database
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.search.evaluator import Evaluator
from hgl.search.score_table import ScoreTable
from hgl.search.store import TrialStore
from hgl.search.worker import Worker
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer

EPOCHS = 6
FIDELITY = {
    "network": "GraphSAGE, sum, 2 layers",
    "channels": 32,
    "num_blocks": 1,
    "dropout": 0.2,
    "num_neighbors": (8, 4),
    "batch_size": 256,
    "lr": 0.005,
    "policy": "frozen",
    "validate_frozen": False,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--task", default="driver-top3")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", default="outputs/rel-f1-table.sqlite")
    parser.add_argument("--out", type=Path, help="default: benchmarks/rel_f1_<task>.parquet")
    args = parser.parse_args()
    Path(args.store).parent.mkdir(parents=True, exist_ok=True)
    crew = [
        multiprocessing.Process(target=work, args=(args, number)) for number in range(args.workers)
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
    out = args.out or Path(__file__).parent / f"rel_f1_{args.task.replace('-', '_')}.parquet"
    collect(args, out)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def work(args: argparse.Namespace, number: int) -> None:
    """Run what no other worker has run, seed after seed."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        worker = make_worker(args, Path(folder))
        space = worker.evaluator.space
        for seed in range(args.seeds):
            for position in np.random.default_rng(seed).permutation(space.count):
                worker.run(space[int(position)], epochs=EPOCHS, seed=seed)
                for done in Path(folder).iterdir():
                    shutil.rmtree(done)


def make_worker(args: argparse.Namespace, folder: Path) -> Worker:
    task = Task.load(str(args.data / "tasks" / args.task))
    experiment = Experiment(
        Database.open(str(args.data)),
        task,
        functools.partial(
            RelationalModel,
            channels=FIDELITY["channels"],
            num_blocks=FIDELITY["num_blocks"],
            dropout=FIDELITY["dropout"],
            gnn=functools.partial(HeteroGraphSAGE, dropout=FIDELITY["dropout"]),
        ),
        Trainer(),
        Sampling(FIDELITY["num_neighbors"], FIDELITY["batch_size"]),
        policy=FIDELITY["policy"],
        validate_frozen=FIDELITY["validate_frozen"],
    )
    evaluator = Evaluator(experiment, functools.partial(Trainer, lr=FIDELITY["lr"]))
    return Worker(TrialStore(args.store), evaluator, digest(FIDELITY), folder, with_test=True)


def collect(args: argparse.Namespace, out: Path) -> None:
    worker = make_worker(args, Path())
    evaluator, metric = worker.evaluator, worker.evaluator.metric
    shape = evaluator.space.count, args.seeds, EPOCHS
    val, test = (np.full(shape, np.nan, np.float32) for _ in range(2))
    seconds = np.full(shape[:2], np.nan, np.float32)
    for position, model in enumerate(evaluator.space):
        for seed in range(args.seeds):
            key = worker.key(model, epochs=EPOCHS, seed=seed)
            done = worker.store.result(key)
            if done is None or done.failure:
                sys.exit(f"{model.to_bits()}, seed {seed}: {(done and done.failure) or 'not run'}")
            val[position, seed] = done.validation[metric]
            test[position, seed] = worker.store.reveal(key)[metric]
            seconds[position, seed] = done.seconds["training"]
    notes = {
        "database": key.database,
        "task": args.task,
        "fidelity": FIDELITY | {"epochs": EPOCHS},
        "command": shlex.join(["python", "benchmarks/rel_f1_table.py", "--task", args.task]),
    }
    ScoreTable(evaluator.space, metric, val, test, seconds, notes=notes).save(out)


if __name__ == "__main__":
    main()
