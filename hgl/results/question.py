"""What a run is asked, as far as its results need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hgl.db import times
from hgl.db.yaml_file import read_yaml
from hgl.errors import CacheError, ConfigError
from hgl.tasks.metrics import DEFAULT_METRIC
from hgl.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Question:
    """A task, without what makes its labels.

    Attributes:
        name: as records have it.
        word: of `hgl train task=…`; "" where a run is all that is left of it.
        target_col: column of the answers.
        timedelta: seconds of the window `(t, t + timedelta]`.
        val_timestamp, test_timestamp: seconds; None where the database has them.
        eval_k: rows recommended per seed; None for any other kind.
    """

    name: str
    kind: str
    metric: str
    entity_table: str
    target_col: str
    timedelta: int
    word: str = ""
    val_timestamp: int | None = None
    test_timestamp: int | None = None
    eval_k: int | None = None

    @classmethod
    def of(cls, task: Task, name: str, word: str) -> Question:
        """Return a task as it will be asked."""
        return cls(
            name=name,
            kind=task.kind,
            metric=task.metric,
            entity_table=task.entity_table,
            target_col=task.target_col,
            timedelta=task.timedelta,
            word=word,
            val_timestamp=task.val_timestamp,
            test_timestamp=task.test_timestamp,
            eval_k=task.destination.eval_k if task.destination else None,
        )

    @classmethod
    def read(cls, run: Path) -> Question:
        """Read the `task.yaml` of a run; its kind and metric may be unknown here.

        Raises: CacheError: it cannot be used.
        """
        try:
            stored = read_yaml(run / "task.yaml")
            kind = str(stored["kind"])
            return cls(
                name=str(stored["name"]),
                kind=kind,
                metric=str(stored.get("metric") or DEFAULT_METRIC.get(kind, "")),
                entity_table=str(stored["entity_table"]),
                target_col=str(stored["target_col"]),
                timedelta=times.duration(stored["timedelta"]),
                val_timestamp=_instant(stored, "val_timestamp"),
                test_timestamp=_instant(stored, "test_timestamp"),
                eval_k=int(stored["eval_k"]) if kind == "recommendation" else None,
            )
        except (OSError, LookupError, TypeError, AttributeError) as error:
            raise CacheError(f"its task.yaml cannot be used ({type(error).__name__})") from None
        except (ValueError, ConfigError) as error:
            raise CacheError(f"its task.yaml cannot be used ({error})") from None


def _instant(stored: Mapping[str, Any], name: str) -> int | None:
    return None if stored.get(name) is None else times.instant(stored[name])
