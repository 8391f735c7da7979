"""A teacher's labels for seeds it did not train on: fitted on earlier time, asked about later.

A teacher is sure of the rows it has seen, whatever they are like, and teaches that. So training
time is cut into stretches, a teacher like the given one is fitted to the answers known when a
stretch begins, and labels it; the first stretch goes without.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hgl.distill.observe import observe
from hgl.errors import TaskError, check_range
from hgl.tasks.seeds import SeedTable
from hgl.train.objective import objective_for
from hgl.train.prepared import Prepared
from hgl.train.run import Experiment


def forward_chained(
    experiment: Experiment,
    prepared: Prepared,
    seeds: SeedTable,
    *,
    stretches: int,
    epochs: int,
    folder: Path,
) -> Tensor:
    """Label `seeds` by teachers that were fitted to earlier answers.

    Args:
        experiment: of the given teacher; its settings are theirs.
        seeds: in training time, in any order.
        stretches: how many stretches, at least 2, with equally many training seeds each.
        epochs: how long each teacher is trained: as long as the given one was.
        folder: receives their weights; those that it holds are not trained again.
    Returns: [n, out_channels] outputs; rows of NaN in the first stretch.
    """
    check_range("stretches", stretches, 2)
    train = prepared.seeds["train"]
    bounds = np.quantile(train.time, np.arange(1, stretches) / stretches, method="lower")
    out_channels = objective_for(experiment.task.kind, train.answers).out_channels
    outputs = torch.full((len(seeds), out_channels), np.nan)
    for start, end in _spans(bounds.astype(np.int64)):
        chosen = np.flatnonzero((seeds.time >= start) & (seeds.time < end))
        if len(chosen) and (taught := _teacher(train, start)) is not None:
            part = replace(seeds, entity=seeds.entity[chosen], time=seeds.time[chosen], target=None)
            found = _label(experiment, prepared, taught, part, epochs, folder / str(start))
            outputs[torch.as_tensor(chosen)] = found
    return outputs


def spread_out(seeds: SeedTable, known: np.ndarray, *, share: float, seed: int) -> SeedTable:
    """Draw further seeds nobody labelled: the same entities, some time before their own.

    A drawn time lies up to one step of the training timestamps before a seed's, not before the
    entity was known, and so never after the last training seed.

    Args:
        known: [rows of the entity table] int64 seconds since when each is known.
        share: how many, as a share of the seeds.
        seed: of the draws.
    """
    check_range("share", share, 0)
    random = np.random.default_rng(seed)
    moments = np.unique(seeds.time)
    step = int(np.median(np.diff(moments))) if len(moments) > 1 else 0
    chosen = random.integers(len(seeds), size=int(share * len(seeds)) if step else 0)
    back = random.integers(1, max(step, 2), size=len(chosen))
    earlier = replace(seeds, entity=seeds.entity[chosen], time=seeds.time[chosen], target=None)
    time = np.maximum(earlier.time - back, np.maximum(known[earlier.entity], moments[0]))
    return earlier.moved(time)


def _spans(bounds: np.ndarray) -> Iterator[tuple[int, int]]:
    """From each bound to the next; the last span is open."""
    last = np.iinfo(np.int64).max
    for start, end in zip(bounds, [*bounds[1:], last]):
        if start < end:
            yield int(start), int(end)


def _teacher(train: SeedTable, start: int) -> SeedTable | None:
    """The answers known at `start`; None where they would teach nothing."""
    try:
        known = train.before(start)
    except TaskError:
        return None
    one_class = train.task.kind != "regression" and len(np.unique(known.answers, axis=0)) < 2
    return None if one_class else known


def _label(
    experiment: Experiment,
    prepared: Prepared,
    taught: SeedTable,
    seeds: SeedTable,
    epochs: int,
    folder: Path,
) -> Tensor:
    trainer = copy.copy(experiment.trainer)
    trainer.max_epochs, trainer.patience = epochs, None
    earlier = replace(experiment, trainer=trainer)
    run = earlier.untrained(prepared)
    folder.mkdir(parents=True, exist_ok=True)
    trainer.fit(
        run.model,
        run.objective,
        earlier.loader(run, taught, shuffle=True),
        None,
        metric=experiment.task.metric,
        folder=folder,
        resume=True,
    )
    return observe(earlier, run, seeds).out
