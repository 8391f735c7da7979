"""Main effects as a picture: a dot and its interval per choice."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hgl.search.report.aside import save_figure

COLOURS = {"helps": "#1b7f4d", "hurts": "#b3361f", "undecided": "#8a8a8a"}
_ROW = 0.24


def save_forest(frame: pd.DataFrame, metric: str, fidelity: str, path: Path) -> None:
    """Draw the effects that models tell, from the most helpful to the most harmful.

    Args:
        frame: of `effects`.
        fidelity: of the scores, in words.
        path: of the PNG.
    Raises: SourceError: the file cannot be written.
    """
    told = frame[frame["effect"].notna()].sort_values("effect", kind="stable", ignore_index=True)
    figure = Figure(figsize=(8, 1.4 + _ROW * max(len(told), 4)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="black", lw=0.8)
    for row in told.itertuples():
        colour = COLOURS[row.verdict]
        axes.hlines(row.Index, row.low, row.high, color=colour, lw=1.6)
        axes.plot(row.effect, row.Index, "o", color=colour, ms=5)
    names = [f"{row.what}: {row.choice}" for row in told.itertuples()]
    axes.set_yticks(range(len(told)), names, fontsize=8, parse_math=False)
    axes.set_ylim(-0.7, max(len(told), 4) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel(f"improvement of {metric} on validation")
    untold = f"{len(frame) - len(told)} not identifiable"
    axes.set_title(f"effects at {fidelity}, 95 % intervals; {untold}", fontsize=10)
    marks = [Line2D([], [], color=c, marker="o", label=name) for name, c in COLOURS.items()]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    save_figure(figure, path)
