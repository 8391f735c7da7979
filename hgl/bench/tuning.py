"""The same number of trials for everybody, drawn from a stated space, compared on validation."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from hgl.bench.cell import Cell
from hgl.bench.grid import Grid
from hgl.bench.plan import Plan
from hgl.db.cache import digest
from hgl.results.record import Record


def draws(space: Mapping[str, Sequence[Any]], trials: int, seed: str) -> list[tuple[str, ...]]:
    """Return `trials` different settings as words: the stated ones first, then random ones.

    Fewer where the space has fewer; the same arguments give the same draws.
    """
    generator = random.Random(seed)
    found: dict[tuple[str, ...], None] = {(): None}
    there = math.prod(len(set(values)) for values in space.values()) if space else 0
    while len(found) < min(trials, 1 + there):
        drawn = tuple(f"{key}={generator.choice(list(v))}" for key, v in space.items())
        found[drawn] = None
    return list(found)


def tune(plan: Plan, grid: Grid, trials: int) -> dict[Cell, tuple[str, ...]]:
    """Return, of each of the plan's bases that has a space, the words that did best on validation.

    The trials never see the test split. One that failed is out; where all failed, the stated
    settings stay.
    """
    asked = {
        base: plan.trials(base, draws(space, trials, digest(base.id)))
        for base in plan.bases()
        if (space := plan.contenders[base.contender].space)
    }
    cells = [cell for each in asked.values() for cell in each]
    found = {record.id: record for record in grid.run("tuning", cells)}
    return {base: _best([(c, found.get(c.id)) for c in each]) for base, each in asked.items()}


def _best(tried: Sequence[tuple[Cell, Record | None]]) -> tuple[str, ...]:
    scores = {}
    for cell, record in tried:
        value = math.nan if record is None else record.score("val")
        if record is not None and not math.isnan(value):
            scores[cell.chosen] = value if record.higher_is_better else -value
    return max(scores, key=lambda chosen: scores[chosen]) if scores else ()
