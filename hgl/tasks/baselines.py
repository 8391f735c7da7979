"""Three answers any model has to beat; each predicts from what was known before the seed.

A label at t covers `(t, t + timedelta]`, so it counts as known from `t + timedelta` on; under the
frozen policy nothing that ends after the test timestamp is ever known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from hgl.errors import MissingExtra, TaskError
from hgl.tasks import entity_row, ranking_baselines
from hgl.tasks.seeds import SeedTable

if TYPE_CHECKING:
    from hgl.db.database import Database

log = logging.getLogger(__name__)

Predictions = dict[str, np.ndarray]
"""`val` and `test` to predictions, in the shape `evaluate` takes."""


def baselines(
    db: Database, train: SeedTable, val: SeedTable, test: SeedTable
) -> dict[str, Predictions]:
    """Return the predictions of every baseline that can run here.

    A missing LightGBM, or an entity table without features, leaves its baseline out with one log
    line.
    """
    if train.task.destination is not None:
        makers = ranking_baselines.makers(db, {"train": train, "val": val, "test": test})
    else:
        makers = _makers(db, train, val, test)
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except (MissingExtra, TaskError) as error:
            log.warning("baseline left out: %s: %s", name, error)
    return found


def _makers(
    db: Database, train: SeedTable, val: SeedTable, test: SeedTable
) -> Mapping[str, Callable[[], Predictions]]:
    return {
        "constant": lambda: {"val": constant([train], val), "test": constant([train, val], test)},
        "entity history": lambda: {
            "val": entity_history([train, val], val),
            "test": entity_history([train, val, test], test),
        },
        "LightGBM on the entity row": lambda: entity_row.predict(db, train, val, test),
    }


def constant(known: Sequence[SeedTable], seeds: SeedTable) -> np.ndarray:
    """Predict the same for every seed: the median (regression), else the share of each class.

    Args:
        known: labelled seeds of earlier splits.
        seeds: those to predict for.

    Returns: [n], or [n, classes] for multiclass and multilabel.
    """
    return np.repeat(_prior(known)[None], len(seeds), axis=0)


def entity_history(known: Sequence[SeedTable], seeds: SeedTable) -> np.ndarray:
    """Predict the mean of the same entity's known labels, the prior counting as one more.

    Args:
        known: labelled seeds whose labels may be used once they are known; may contain `seeds`.
        seeds: those to predict for.

    Returns: [n], or [n, classes] for multiclass and multilabel.
    Raises: TaskError: the task completes a column, so that each row is asked about once.
    """
    if seeds.task.autocomplete:
        raise TaskError(f"{seeds.task}: each row is asked about once, so none has a history")
    entity = np.concatenate([table.entity for table in known])
    time = np.concatenate([table.time for table in known])
    labels = np.concatenate([_indicators(table) for table in known])
    moments = np.unique(time)
    width = len(moments) + 1
    order = np.lexsort((time, entity))
    keys = entity[order] * width + np.searchsorted(moments, time[order])
    side: Literal["left", "right"] = "left" if seeds.cut == "strict" else "right"
    until = np.searchsorted(moments, _seen_until(seeds) - seeds.task.timedelta, side=side)
    first = np.searchsorted(keys, seeds.entity * width)
    last = np.searchsorted(keys, seeds.entity * width + until)
    sums = np.concatenate([np.zeros_like(labels[:1]), np.cumsum(labels[order], axis=0)])
    prior, count = _prior(_earlier(known, seeds)), last - first
    count = count.reshape(-1, *[1] * (labels.ndim - 1))
    return (sums[last] - sums[first] + prior) / (count + 1)


def _earlier(known: Sequence[SeedTable], seeds: SeedTable) -> list[SeedTable]:
    """The splits before that of `seeds`: the prior must not come from its own labels."""
    return [table for table in known if table.split != seeds.split] or list(known)


def _seen_until(seeds: SeedTable) -> np.ndarray:
    if seeds.visible_until is None:
        return seeds.time
    return np.minimum(seeds.time, seeds.visible_until)


def _indicators(seeds: SeedTable) -> np.ndarray:
    """Targets as what is averaged: numbers as they are, codes as one column per class."""
    if seeds.task.kind == "multiclass":
        return np.eye(len(seeds.classes))[seeds.answers]
    return seeds.answers


def _prior(known: Sequence[SeedTable]) -> np.ndarray:
    labels = np.concatenate([_indicators(table) for table in known])
    if known[0].task.kind == "regression":
        return np.median(labels, axis=0)
    return labels.mean(axis=0)
