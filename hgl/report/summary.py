"""What a finished run prints."""

from __future__ import annotations

from collections.abc import Mapping

from hgl.report.screen import plain_console
from hgl.report.tables import Scores, phase_table, score_table
from hgl.tasks.metrics import metrics_of
from hgl.train.learner import Learner
from hgl.train.outcome import Outcome


def show_run(experiment: Learner, outcome: Outcome, rows: Mapping[str, Scores]) -> None:
    """Write seeds, scores beside those of the baselines, time and memory to standard output.

    Args:
        rows: predictor to its scores on `val` and `test`.
    """
    console, task, progress = plain_console(), experiment.task, outcome.progress
    for seeds in outcome.seeds.values():
        for note in seeds.notes:
            console.print(note)
    second = next((m for m in metrics_of(task.kind) if m != task.metric), task.metric)
    title = f"{task.name}, policy {experiment.policy}, cut {experiment.cut}"
    console.print(score_table(rows, list(dict.fromkeys([task.metric, second])), title))
    console.print(phase_table(outcome.phases))
    if progress.history:
        best = f"best epoch {progress.best_epoch} of {progress.epoch}"
        console.print(f"{best}, by {task.metric} on val")
    console.print(f"everything is in {outcome.folder}", soft_wrap=True)


def show_scores(scores: Mapping[str, float], title: str) -> None:
    """Write one set of scores to standard output."""
    console = plain_console()
    console.print(title, soft_wrap=True)
    for name, value in scores.items():
        console.print(f"  {name} {value:.4f}")
