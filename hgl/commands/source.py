"""What `db=` may name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hgl import datasets
from hgl.db.database import Database
from hgl.db.redact import redact
from hgl.db.relbench import download_task
from hgl.errors import ConfigError
from hgl.tasks.task import Task

_HOSTED = "relbench:"


def open_database(db: str, **options: Any) -> Database:
    """Open a bundled database by its name, or a URL or a folder.

    Args:
        options: those of `Database.open`; None leaves its own.
    Raises: ConfigError: `db` is none of these. HglError: it cannot be read.
    """
    check_source(db)
    stated = {name: value for name, value in options.items() if value is not None}
    return datasets.open(db, **stated) if db in datasets.names() else Database.open(db, **stated)


def check_source(db: str) -> None:
    """Raises: ConfigError: `db` is neither bundled or hosted, nor a URL, nor a folder."""
    known = db in datasets.names() or "://" in db or db.startswith(_HOSTED)
    if known or (db and Path(db).expanduser().is_dir()):
        return
    near = get_close_matches(db, datasets.names(), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ConfigError(
        f"db={redact(db)!r}{hint}: expected a URL such as postgresql://user@host/name or "
        "sqlite:///file.db, an existing folder, relbench:<name>, or one of: "
        f"{', '.join(datasets.names())}"
    )


def check_entity_task(task: Task, verb: str) -> None:
    """Raises: ConfigError: `task` recommends rows, for which `verb` is not made."""
    if task.destination is not None:
        raise ConfigError(
            f"{task} recommends rows: expected a task that says something of each entity; "
            f"hgl {verb} works with those only, hgl train, evaluate and predict with both"
        )


def task_name(db: str, task: str | None) -> str:
    """Return `task`, the folder of a RelBench dataset's task, or a bundled database's first task.

    Raises: ConfigError: no task is named, and `db` has none of its own or is nothing known.
    """
    check_source(db)
    if task is not None:
        return str(_task_folder(db, task) or task)
    if db in datasets.names():
        return str(datasets.find(db).TASK)
    raise ConfigError(
        "task=null: expected a task file such as task=late.yaml, a RelBench task's name or folder, "
        f"or the name of a bundled task; only {', '.join(datasets.names())} have a default"
    )


def _task_folder(db: str, task: str) -> Path | None:
    """Where a RelBench dataset keeps a task of this name; None where it has none."""
    if Path(task).exists() or Path(task).suffix in (".yaml", ".yml"):
        return None
    if db.startswith(_HOSTED):
        return download_task(db.removeprefix(_HOSTED), task)
    folder = Path(db).expanduser() / "tasks" / task
    return folder if folder.is_dir() else None
