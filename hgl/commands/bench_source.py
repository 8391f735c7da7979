"""What the runs of a benchmark are given: a database that stays as it is, and its questions."""

from __future__ import annotations

from pathlib import Path

from hgl.bench.cell import Question, Source
from hgl.commands.source import open_database
from hgl.db.redact import redact
from hgl.report.screen import Screen, TableBars
from hgl.tasks.task import Task


def bench_source(word: str, screen: Screen) -> Source:
    """Open what the user named; what can change while runs go on is read once.

    Raises: HglError: it is no database, or cannot be read.
    """
    opened = open_database(word, progress=TableBars(screen))
    place = str(opened.folder.absolute()) if "://" in word else word
    return Source(redact(word), place, opened.schema.name, opened.fingerprint)


def task_word(db: str, name: str) -> str:
    """Return the folder that a RelBench dataset keeps a task of this name in, or the name."""
    folder = Path(db).expanduser() / "tasks" / name
    return str(folder) if folder.is_dir() else name


def bench_question(name: str, word: str) -> Question:
    """Return a task as records know it. Raises: TaskError: `word` names none."""
    task = Task.load(word)
    return Question(name, word, task.kind, task.metric, task.time_col, task.target_col)
