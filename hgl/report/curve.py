"""The learning curve of a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hgl.db.files import aside_of


def save_curve(
    history: Sequence[Mapping[str, Any]], metric: str, best_epoch: int, path: Path
) -> None:
    """Draw training loss and validation score per epoch as a PNG, written aside and renamed.

    Args:
        history: one row per epoch with `epoch`, `train_loss` and `val_<metric>`.
        metric: the score that chose `best_epoch`.
    """
    figure = Figure(figsize=(6, 5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    epochs = [row["epoch"] for row in history]
    loss, score = figure.subplots(2, 1, sharex=True)
    for axes, key, label in (
        (loss, "train_loss", "training loss"),
        (score, f"val_{metric}", f"validation {metric}"),
    ):
        axes.plot(epochs, [row[key] for row in history], marker=".")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        axes.axvline(best_epoch, color="grey", linestyle=":")
    score.set_xlabel(f"epoch (dotted: {best_epoch}, the one kept)")
    score.xaxis.set_major_locator(MaxNLocator(integer=True))
    with aside_of(path) as aside:
        canvas.print_png(aside)
