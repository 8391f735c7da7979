"""What validation promised and what test kept."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from hgl.search.report.fit import mean_interval
from hgl.search.report.result import Result
from hgl.search.report.verdict import compared


def selection_gap(result: Result) -> pd.DataFrame:
    """Return a row for the chosen graph and one for all rows as nodes, if tested.

    Returns: `graph`, `validation` and `test` (the metric as it is known, means over seeds), `gap`:
        by how much validation looked better, nan where there is no validation score; `num_seeds`
        tested. What the chosen graph's gap has beyond the other's comes of having been chosen.
    """
    if result.held_out is None:
        return pd.DataFrame(columns=["graph", "validation", "test", "gap", "num_seeds"])
    rows = [("chosen", result.winner, result.held_out.winner)]
    if result.held_out.default is not None and result.default is not None:
        rows.append(("all rows as nodes", result.default, result.held_out.default))
    found = []
    for name, model, scores in rows:
        trial, test = result.judged(model), float(np.mean(scores))
        val = math.nan if trial is None or trial.score is None else trial.score
        found.append(
            {
                "graph": name,
                "validation": result.shown(val),
                "test": result.shown(test),
                "gap": val - test,
                "num_seeds": len(scores),
            }
        )
    return pd.DataFrame(found)


def held_out_verdict(result: Result) -> str:
    """Say whether the chosen graph beats all rows as nodes on test, paired by seed."""
    held_out = result.held_out
    if held_out is None or held_out.default is None:
        return "All rows as nodes was not tested."
    if result.winner == result.default:
        return "The chosen graph is all rows as nodes itself."
    gain, low, high = mean_interval(np.subtract(held_out.winner, held_out.default))
    text = f"On test the chosen graph is {compared(gain)} all rows as nodes"
    if math.isnan(low):
        return f"{text}, by one seed alone: undecided."
    said = "" if low > 0 or high < 0 else "; undecided, as the interval holds 0"
    return (
        f"{text}: gain {gain:+.4f}, paired 95 % interval [{low:+.4f}, {high:+.4f}] over "
        f"{len(held_out.winner)} seeds (above 0 is better){said}."
    )
