"""The best score found against the budget spent, as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hgl.search.report.aside import save_figure
from hgl.search.report.result import Result


def progress(result: Result) -> pd.DataFrame:
    """Return one row per trial in the order asked: `spent`, `rung`, `validation`, `best`.

    `best` is the best metric so far at the same rung: scores of different rungs do not compare.
    `validation` is nan of a failed trial, and `best` before a rung's first score.
    """
    frame = pd.DataFrame(
        [(t.spent, t.rung, np.nan if t.score is None else t.score) for t in result.scored],
        columns=["spent", "rung", "validation"],
    )
    best = frame.groupby("rung")["validation"].cummax()
    frame["best"] = best.groupby(frame["rung"]).ffill()
    shown = ["validation", "best"]
    frame[shown] = frame[shown].map(result.shown)
    return frame


def save_curve(result: Result, path: Path) -> None:
    """Draw a step curve per rung, every trial as a dot, failed ones as crosses at the bottom.

    The default is a dashed line, as its highest rung scored it.
    Raises: SourceError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    frame = progress(result)
    for rung, rows in frame.groupby("rung"):
        colour, label = f"C{rung}", result.fidelity(int(rung))
        axes.plot(rows["spent"], rows["validation"], ".", color=colour, alpha=0.35)
        axes.step(rows["spent"], rows["best"], where="post", color=colour, label=f"best, {label}")
    default = result.judged(result.default)
    if default is not None and default.score is not None:
        label = f"all rows as nodes, {result.fidelity(default.rung)}"
        axes.axhline(result.shown(default.score), color="black", ls="--", lw=1, label=label)
    failed = frame[frame["validation"].isna()]
    if len(failed):
        bottom = np.full(len(failed), 0.03)
        across = axes.get_xaxis_transform()
        axes.plot(failed["spent"], bottom, "rx", transform=across, label=f"{len(failed)} failed")
    axes.set_xlabel("budget spent, in full trainings")
    axes.set_ylabel(f"validation {result.metric}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(figure, path)
