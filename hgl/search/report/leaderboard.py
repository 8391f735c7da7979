"""The models a search tried, best first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from hgl.db.redact import redact
from hgl.search.model import GraphModel, Role
from hgl.search.report.result import Result, Scored


def leaderboard(result: Result) -> pd.DataFrame:
    """Return one row per model, as its highest rung judged it; failures last, without a rank.

    Scores of different rungs do not compare: higher rungs come first.
    Returns: `rank`, `bits`, tables by role (`rows`, `edges`, `left_out`) and `keys` kept as text,
        `epochs`, `seeds`, `validation` (the metric as it is known), `std` over seeds (ddof 1),
        `over_default` (gain over the default at the same rung, above 0 is better), `seconds`,
        `error`.
    """
    highest = {t.model: t for t in sorted(result.scored, key=lambda trial: trial.rung)}
    ordered = sorted(highest.values(), key=_order)
    frame = pd.DataFrame([_row(result, trial) for trial in ordered])
    ranks = [None if t.score is None else rank for rank, t in enumerate(ordered, 1)]
    frame.insert(0, "rank", pd.array(ranks, dtype="Int64"))
    return frame


def _order(trial: Scored) -> tuple[bool, int, float, GraphModel]:
    return trial.score is None, -trial.rung, -(trial.score or 0), trial.model


def _row(result: Result, trial: Scored) -> dict[str, Any]:
    model, rung = trial.model, result.ladder.rungs[trial.rung]
    gain = result.gain(trial)
    return {
        "bits": model.to_bits(),
        "rows": _tables(model, "node"),
        "edges": _tables(model, "edge"),
        "left_out": _tables(model, "out"),
        "keys": ", ".join(f"{table}.{fkey}" for table, fkey in model.fkeys),
        "epochs": rung.epochs,
        "seeds": rung.seeds,
        "validation": math.nan if trial.score is None else result.shown(trial.score),
        "std": _std(trial.by_seed),
        "over_default": math.nan if gain is None else gain,
        "seconds": math.nan if trial.seconds is None else trial.seconds,
        "error": " ".join(redact(trial.error or "").split()),
    }


def _tables(model: GraphModel, role: Role) -> str:
    return ", ".join(table for table, found in model.roles.items() if found == role)


def _std(by_seed: tuple[float, ...]) -> float:
    known = [score for score in by_seed if not math.isnan(score)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else math.nan
