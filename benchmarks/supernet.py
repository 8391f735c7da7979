"""How well a one-shot supernet ranks the graph models of a rel-f1 task, and what that costs.

    python benchmarks/supernet.py --task driver-top3 --epochs 5 10 20 --models 722
    python benchmarks/supernet.py --task driver-top3 --epochs 5 --keep

Against the stand-alone validation scores of `rel_f1_table.py`: its table, or what its store has
so far. No test metric is read. Seeds of one model differ, so their own correlation bounds what any
score can reach.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import tempfile
from pathlib import Path

import numpy as np
import torch
from rel_f1_table import EPOCHS, FIDELITY, make_worker
from scipy.stats import spearmanr

from hgl.search.score_table import ScoreTable
from hgl.search.space import SpecSpace
from hgl.search.supernet import Supernet
from hgl.search.worker import Worker
from hgl.tasks.metrics import METRICS
from hgl.train.trainer import Trainer

AVERAGE, BATCH_SIZE = 0.99, 64
"""Many models per epoch, and weights that are the average of the last epochs'."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--task", default="driver-top3")
    parser.add_argument("--store", default="outputs/rel-f1-table.sqlite")
    parser.add_argument("--table", type=Path, help="default: benchmarks/rel_f1_<task>.parquet")
    parser.add_argument("--epochs", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--models", type=int, default=722, help="scored, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="the scores, in the table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        compare(args, Path(folder))


def compare(args: argparse.Namespace, folder: Path) -> None:
    worker = make_worker(args, folder)
    evaluator = worker.evaluator
    alone, seconds = stand_alone(worker, args)
    print(f"one trial: {np.nanmean(seconds):.1f} s; models with a score: {known(alone).sum()}")
    for seed in range(1, alone.shape[1]):
        both = known(alone[:, :1]) & known(alone[:, seed : seed + 1])
        if both.any():
            rho = spearmanr(alone[both, 0], alone[both, seed]).statistic
            print(f"stand-alone, seed 0 and seed {seed}: Spearman {rho:.2f}, {both.sum()} models")
    chosen = np.random.default_rng(0).permutation(evaluator.space.count)[: args.models]
    trainer = functools.partial(Trainer, lr=FIDELITY["lr"], average=AVERAGE)
    supernet, spent = Supernet(evaluator, trainer, batch_size=BATCH_SIZE), 0.0
    for epochs in sorted(args.epochs):
        supernet.fit(epochs=epochs, seed=args.seed, folder=folder / "supernet")
        spent += supernet.fit_seconds
        before = supernet.score_seconds
        scores = supernet.score([evaluator.space[int(p)] for p in chosen])
        each = (supernet.score_seconds - before) / len(chosen)
        both = known(alone[chosen])
        rho = spearmanr(scores[both], np.nanmean(alone[chosen][both], axis=1)).statistic
        print(
            f"supernet, {epochs} epochs: {spent:.0f} s to fit, {each:.3f} s a score, Spearman "
            f"{rho:.2f} with the mean over seeds, {both.sum()} models"
        )
    if args.keep:
        keep(evaluator.space, scores[chosen.argsort()], path_of(args), spent, each)


def keep(space: SpecSpace, scores: np.ndarray, path: Path, fit: float, each: float) -> None:
    """Write the scores of all models into their table, and what they cost in seconds."""
    table = ScoreTable.load(path, space)
    notes = {**table.notes, "supernet": {"fit_seconds": fit, "seconds_per_model": each}}
    sign = METRICS[table.metric].sign
    dataclasses.replace(table, supernet=sign * scores, notes=notes).save(path)


def path_of(args: argparse.Namespace) -> Path:
    return args.table or Path(__file__).parent / f"rel_f1_{args.task.replace('-', '_')}.parquet"


def stand_alone(worker: Worker, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """[models, seeds] best validation, higher is better, and seconds; NaN where not run."""
    evaluator = worker.evaluator
    sign = evaluator.sign
    if path_of(args).exists():
        table = ScoreTable.load(path_of(args), evaluator.space)
        return (sign * table.val).max(axis=2), table.seconds
    best, seconds = (np.full((evaluator.space.count, 3), np.nan) for _ in range(2))
    for position, model in enumerate(evaluator.space):
        for seed in range(3):
            done = worker.store.result(worker.key(model, epochs=EPOCHS, seed=seed))
            if done is not None and done.failure is None:
                best[position, seed] = max(sign * np.array(done.validation[evaluator.metric]))
                seconds[position, seed] = done.seconds["training"]
    return best, seconds


def known(values: np.ndarray) -> np.ndarray:
    return ~np.isnan(values).all(axis=1)


if __name__ == "__main__":
    main()
