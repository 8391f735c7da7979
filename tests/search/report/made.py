"""Searches made up: models drawn at random, scores from a planted truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hgl.search.model import GraphModel
from hgl.search.report import Result, Scored
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Rung
from tests.search.published import space

LADDER = Ladder((Rung(2), Rung(10, 3)))


def keys_help(model: GraphModel) -> float:
    """A truth that adds up: each key kept helps a little, more or less by its place."""
    links = model.reach.encoding.links
    kept = [place for place, link in enumerate(links) if model.mask & link.bit]
    return 0.6 + 0.01 * sum((place % 4) - 1 for place in kept)


def searched(
    task: str = "driver-top3",
    *,
    metric: str = "roc_auc",
    truth: Callable[[GraphModel], float] = keys_help,
    models: int = 60,
    noise: float = 0.003,
    seed: int = 0,
) -> Result:
    """All rows as nodes and some others at the lower rung, the best ten at the upper one.

    One trial in twenty fails.
    """
    rng, all_models = np.random.default_rng(seed), space(task)
    drawn = [all_models.sample(rng) for _ in range(models)]
    asked = dict.fromkeys([_default(all_models), *drawn])
    trials: list[Scored] = []
    for model in filter(None, asked):
        failed = model != all_models.all_rows and rng.random() < 0.05
        trials.append(_trial(trials, model, 0, truth(model), noise, rng, failed))
    ranked = sorted((t for t in trials if t.score is not None), key=lambda t: -(t.score or 0))
    promoted = dict.fromkeys([t.model for t in ranked[:9]] + [all_models.all_rows])
    for model in promoted:
        if model.is_valid:
            trials.append(_trial(trials, model, 1, truth(model), noise, rng, False))
    top = max((t for t in trials if t.rung == 1), key=lambda t: t.score or 0)
    return Result(tuple(trials), LADDER, metric, top.model, _default(all_models))


def _default(models: SpecSpace) -> GraphModel | None:
    return models.all_rows if models.is_valid(models.all_rows) else None


def _trial(
    before: list[Scored],
    model: GraphModel,
    rung: int,
    truth: float,
    noise: float,
    rng: np.random.Generator,
    failed: bool,
) -> Scored:
    work = LADDER.rungs[rung].epochs * LADDER.rungs[rung].seeds / 30
    spent = work + (before[-1].spent if before else 0)
    if failed:
        return Scored(model, rung, None, (), spent, None, "TrainingError: loss is nan\nat step 3")
    by_seed = tuple(truth + noise * rng.standard_normal(LADDER.rungs[rung].seeds))
    return Scored(model, rung, float(np.mean(by_seed)), by_seed, spent, 1.5)
