"""The entity's own code as a teacher saw it some time before: a column that a nightly job can keep.

Differs from the plan that gave it its name: codes of the entity, not of its parents, for whose rows
a teacher is not trained.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hgl.distill.asked_rows import AskedRows
from hgl.distill.observe import observe
from hgl.distill.stale import SeenSeeds
from hgl.distill.tokenizer import Tokens
from hgl.train.prepared import TrainedRun
from hgl.train.run import Experiment

DAY = 86400


def seen_codes(
    experiment: Experiment, run: TrainedRun, tokens: Tokens, rows: AskedRows
) -> dict[str, Tensor]:
    """Ask the teacher about every row's entity, one step of the training timestamps before it.

    Never later than what the row itself sees; nothing where the entity was not known by then.

    Returns: per split, [rows, channels + 2] float32: the vector of the code (zeros where there was
        none), log(1 + days since), and 1 where there was none.
    """
    moments = np.unique(rows.seeds["train"].time)
    step = int(np.median(np.diff(moments))) if len(moments) > 1 else DAY
    return {
        split: _columns(experiment, run, tokens, rows, asked, step)
        for split, asked in rows.asked().items()
    }


def _columns(
    experiment: Experiment,
    run: TrainedRun,
    tokens: Tokens,
    rows: AskedRows,
    asked: SeenSeeds,
    step: int,
) -> Tensor:
    at = np.minimum(asked.time - step, asked.visible_until)
    known = np.flatnonzero(rows.known[asked.entity] <= at)
    vectors = torch.zeros(len(asked), tokens.codebook.channels)
    if len(known):
        seeds = replace(
            rows.seeds["train"],
            entity=asked.entity[known],
            time=at[known],
            target=None,
            visible_until=None,
        )
        view = observe(experiment, run, seeds)
        vectors[torch.as_tensor(known)] = tokens.vectors(view.embedding)
    missing = torch.ones(len(asked), 1)
    missing[torch.as_tensor(known)] = 0.0
    days = torch.as_tensor((asked.time - at) / DAY, dtype=torch.float32)[:, None]
    return torch.cat([vectors, days.clamp(min=0).log1p(), missing], dim=1)
