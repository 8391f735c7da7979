"""What the runs of a benchmark are given: a database that stays as it is, and its questions."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from hgl.bench.cell import Source
from hgl.commands.source import open_database
from hgl.db.database import Database
from hgl.db.redact import redact
from hgl.report.screen import Screen, TableBars
from hgl.results.question import Question
from hgl.tasks.labels import label_table
from hgl.tasks.task import Task
from hgl.typing import Split


def bench_source(word: str, screen: Screen) -> tuple[Source, Database]:
    """Open what the user named; what can change while runs go on is read once.

    Raises: HglError: it is no database, or cannot be read.
    """
    opened = open_database(word, progress=TableBars(screen))
    place = str(opened.folder.absolute()) if "://" in word else word
    return Source(redact(word), place, opened.schema.name, opened.fingerprint), opened


def task_word(db: str, name: str) -> str:
    """Return the folder that a RelBench dataset keeps a task of this name in, or the name."""
    folder = Path(db).expanduser() / "tasks" / name
    return str(folder) if folder.is_dir() else name


def bench_question(name: str, word: str, db: Database) -> Question:
    """Return a task as records know it.

    Raises: TaskError: `word` names none, or a split has no labels to learn from or score by.
    """
    task = Task.load(word)
    for split in get_args(Split):
        label_table(task, db, split)
    return Question.of(task, name, word)
