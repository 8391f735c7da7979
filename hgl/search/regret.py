"""How far from the best a method ends, replayed on a space whose scores are all known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hgl.errors import ConfigError, check_range
from hgl.search.method import Method
from hgl.search.search import ROUNDING, Search, best
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Trial

Score = Callable[[Trial], float | None]
"""Validation score of a trial, higher is better; None where it failed."""
MakeMethod = Callable[[int], Method]
"""A method from the number of its run, which is its seed."""


@dataclass(frozen=True)
class Truth:
    """Full scores of a whole space, higher is better; NaN where there is none.

    Attributes:
        val, test: [count] each.
    Raises: ConfigError: no model has both, or all have the same.
    """

    val: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        for name, scores in (("val", self.val), ("test", self.test)):
            if len(np.unique(scores[np.isfinite(scores)])) < 2:
                raise ConfigError(f"{name}: expected two different scores or more")

    @classmethod
    def of(
        cls, space: SpecSpace, ladder: Ladder, score: Score, test_at: Callable[[int], float]
    ) -> Truth:
        """Look up every model of a space at the last rung."""
        val = [score(Trial(model, ladder.full)) for model in space]
        test = [test_at(position) for position in range(space.count)]
        return cls(np.array(val, float), np.array(test, float))

    def regret(self, position: int) -> tuple[float, float]:
        """Return (best - chosen) / (best - worst) on validation and test; 1 where it has none."""
        return _regret(self.val, position), _regret(self.test, position)


def _regret(scores: np.ndarray, position: int) -> float:
    most, least = np.nanmax(scores), np.nanmin(scores)
    share = float((most - scores[position]) / (most - least))
    return 1.0 if math.isnan(share) else share


def replay(
    methods: Mapping[str, MakeMethod],
    ladder: Ladder,
    score: Score,
    test_at: Callable[[int], float],
    *,
    budgets: Sequence[float],
    runs: int = 10,
) -> pd.DataFrame:
    """Run methods on known scores, and see what each would have chosen by validation.

    Every method is run once per run, with the largest budget: what it asks does not depend on the
    budget, so a smaller one's search is the beginning of that.

    Args:
        methods: by name, what makes a method for a run; all of one space.
        ladder: what trials cost.
        score: validation.
        test_at: test score of the model at a position of the space, higher is better.
        budgets: in full trials, each above 0.
        runs: searches of each method.
    Returns: one row per method, run and budget: `method`, `run`, `budget`, `spent` (full trials),
        `chosen` (position; NA where every trial failed), `val_regret` and `test_regret`, both
        (best - chosen) / (best - worst) of full scores, in [0, 1].
    Raises: ConfigError: there is nothing to run, a budget is not above 0, or scores are all equal.
    """
    check_range("runs", runs, 1)
    if not methods or not budgets or min(budgets) <= 0:
        raise ConfigError(
            f"methods={list(methods)}, budgets={list(budgets)}: expected some, budgets above 0"
        )
    space = next(iter(methods.values()))(0).space
    truth = Truth.of(space, ladder, score, test_at)
    rows = [
        {"method": name, "run": run, **row}
        for name, make in methods.items()
        for run in range(runs)
        for row in _run(make(run), ladder, score, budgets, truth)
    ]
    return pd.DataFrame(rows).astype({"chosen": "Int64"})


def _run(
    method: Method, ladder: Ladder, score: Score, budgets: Sequence[float], truth: Truth
) -> list[dict[str, float | int | None]]:
    """What one search chooses at each budget."""
    search = Search(method, ladder, max(budgets))
    while (trial := search.ask()) is not None:
        search.tell(trial, score(trial))
    rows = []
    for budget in budgets:
        within = [entry for entry in search.history if entry[2] <= budget + ROUNDING]
        winner = best(within)
        chosen = None if winner is None else method.space.index(winner.model)
        val, test = (1.0, 1.0) if chosen is None else truth.regret(chosen)
        spent = within[-1][2] if within else 0.0
        row = {"budget": budget, "spent": spent, "chosen": chosen}
        rows.append(row | {"val_regret": val, "test_regret": test})
    return rows
