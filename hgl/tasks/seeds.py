"""Seeds: which row is asked about, when, and the answer where it is known."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from hgl.db import cache, times
from hgl.errors import ConfigError, TaskError
from hgl.tasks import autocomplete, labels, links, population, splits, targets
from hgl.tasks.lists import Lists
from hgl.typing import Cut, Policy, Split

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.tasks.task import Task

_NOT_HASHED = ("description", "folder")
"""Fields of a task that do not tell its seeds apart: the labels themselves are hashed."""


@dataclass(frozen=True, eq=False)
class SeedTable:
    """Rows of the entity table at seed times, ordered by time, then row.

    A seed sees rows with `time <= min(seed time, visible_until)`; under the strict cut `<`.

    Attributes:
        split: `train`, `val`, `test`, or `predict` for seeds without labels.
        entity: [n] int64 row positions in the entity table.
        time: [n] int64 seconds.
        target: float64 [n] (binary, regression), int64 [n] codes (multiclass), float64
            [n, classes] (multilabel), lists of destination rows (recommendation), or None.
        classes: the labels that codes and columns stand for, learnt from the training split;
            () for regression.
        visible_until: the test timestamp in seconds under the frozen policy, else None.
        stats_until: the validation timestamp in seconds: statistics use nothing later.
        fingerprint: hash of the database, the task and everything above.
        notes: rows left out and why, and the base rate; for people.
    """

    task: Task
    split: str
    entity: np.ndarray
    time: np.ndarray
    target: Any
    classes: tuple[Any, ...]
    policy: Policy
    cut: Cut
    visible_until: int | None
    stats_until: int
    fingerprint: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.entity)

    @property
    def answers(self) -> Any:
        """The targets. Raises: TaskError: these seeds carry none."""
        if self.target is None:
            raise TaskError(f"{self.task}: the {self.split} seeds carry no labels")
        return self.target

    def frame(self, db: Database) -> pd.DataFrame:
        """Return the user's key columns, the seed time and, where known, the target."""
        table = db.schema.table(self.task.entity_table)
        if keys := list(table.pkey) or [name for name in (table.row_col,) if name]:
            frame = db.frame(table.name, keys).iloc[self.entity].reset_index(drop=True)
        else:
            frame = pd.DataFrame({self.task.entity_col[0]: self.entity})
        frame[self.task.time_col] = self.time.astype("datetime64[s]")
        if self.target is not None:
            frame[self.task.target_col] = self._labels(self.target, db)
        return frame

    def frozen_at(self, instant: int, db: Database) -> SeedTable:
        """Return these seeds as they see the database that ends at `instant` (seconds).

        Seeds whose own row is later go, as they do at the test timestamp; a note counts them.
        Raises: TaskError: none is left.
        """
        kept = population.known_from(self.task, db)[self.entity] <= instant
        if not kept.any():
            raise TaskError(
                f"{self.task}: no {self.split} entity is known by {times.text(instant)}; choose a "
                "later val_timestamp or policy=rolling"
            )
        reason = f"their row is later than {times.text(instant)}"
        return replace(self._keep(kept, reason), visible_until=instant)

    def since(self, instant: int) -> SeedTable:
        """Return the seeds at `instant` (seconds) or later. Raises: TaskError: none is left."""
        kept = self.time >= instant
        if not kept.any():
            raise TaskError(
                f"{self.task}: no {self.split} seed is as late as {times.text(instant)}"
            )
        return self._keep(kept, f"they are earlier than {times.text(instant)}")

    def before(self, instant: int) -> SeedTable:
        """Return the seeds whose answers are known by `instant` (seconds): windows that have ended.

        Raises: TaskError: none is left.
        """
        kept = self.time + self.task.timedelta <= instant
        if not kept.any():
            raise TaskError(
                f"{self.task}: no {self.split} answer is known by {times.text(instant)}"
            )
        return self._keep(kept, f"their windows end after {times.text(instant)}")

    def moved(self, time: np.ndarray) -> SeedTable:
        """Return the same entities at other times, [n] int64 seconds, without answers.

        Order is as it was: no longer by time.
        """
        return replace(
            self,
            split="predict",
            time=time,
            target=None,
            fingerprint=cache.digest(self.fingerprint, time.tobytes()),
            notes=(),
        )

    def _keep(self, kept: np.ndarray, reason: str) -> SeedTable:
        gone = int((~kept).sum())
        note = f"{gone} {self.split} seeds left out: {reason}"
        return replace(
            self,
            entity=self.entity[kept],
            time=self.time[kept],
            target=None if self.target is None else self.target[kept],
            fingerprint=cache.digest(self.fingerprint, reason),
            notes=(*self.notes, note) if gone else self.notes,
        )

    def _labels(self, target: Any, db: Database) -> Any:
        if self.task.kind == "recommendation":
            return links.key_lists(self.task, db, target)
        if self.task.kind == "multiclass":
            return [self.classes[code] for code in target]
        if self.task.kind == "multilabel":
            return [[label for label, on in zip(self.classes, row) if on] for row in target]
        return target


def labelled(task: Task, db: Database, split: str, *, policy: Policy, cut: Cut) -> SeedTable:
    """Return the seeds of `split` with their targets; see `Task.seeds`."""
    _expect("split", split, get_args(Split))
    _expect("policy", policy, get_args(Policy))
    _expect("cut", cut, get_args(Cut))
    task = autocomplete.settled(task, db)
    population.check_schema(task, db)
    population.check_entity_sql(task, db)
    val, test = splits.timestamps(task, db)
    if task.autocomplete and policy == "frozen":
        raise ConfigError(
            f"policy='frozen': {task} asks about rows of {task.entity_table!r}, and those of test "
            "are later than the test timestamp, where the frozen database ends; expected rolling"
        )
    visible_until = test if policy == "frozen" else None
    table = labels.label_table(task, db, split)
    classes = classes_of(task, db)
    table, target, gone = _answers(task, db, table, classes, visible_until)
    entity = population.row_positions(task, db, table)
    # A column is completed in the row itself, which cannot be earlier than it is.
    time = times.seconds(table[task.time_col], rounding="up" if task.autocomplete else "down")
    kept, notes = population.usable(task, db, table, entity, time, visible_until)
    if task.kind == "multiclass":
        kept, notes = _drop_unseen(kept, notes, target)
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((entity[rows], time[rows]))]
    if split == "train":
        _check_train(task, target[rows])
        notes = [*notes, *autocomplete.notes(task, db)]
    return _seed_table(
        task,
        db,
        split=split,
        entity=entity[rows],
        time=time[rows],
        target=target[rows],
        classes=classes,
        policy=policy,
        cut=cut,
        visible_until=visible_until,
        stats_until=val,
        notes=(*gone, *notes, _summary(task, split, target[rows], classes)),
    )


def unlabelled(task: Task, db: Database, time: Any, *, cut: Cut) -> SeedTable:
    """Return the eligible entities at `time` without targets; see `Task.seeds_at`."""
    _expect("cut", cut, get_args(Cut))
    task, at = autocomplete.settled(task, db), times.instant(time)
    population.check_schema(task, db)
    if task.autocomplete:
        entity = autocomplete.empty_cells(task, db, at)
        note = f"predict: {len(entity)} rows without {task.target_col} by {times.text(at)}"
        return _unanswered(task, db, entity, autocomplete.at_own_time(task, db, entity), cut, note)
    population.check_entity_sql(task, db)
    entity = population.eligible(task, db, at)
    note = f"predict: {len(entity)} seeds at {times.text(at)}"
    return _unanswered(task, db, entity, np.full(len(entity), at, dtype=np.int64), cut, note)


def asked(task: Task, db: Database, table: pd.DataFrame, *, cut: Cut) -> SeedTable:
    """Return a seed per row of `table`, in its order, without targets.

    Args:
        table: the entity's key columns and a column `task.time_col`; where a column is completed,
            the key alone, since each row has its own time.
    Raises: TaskError: a column is missing, or a row's time is none, or its entity is not in the
        database by then; the message names the first such row.
    """
    _expect("cut", cut, get_args(Cut))
    task = autocomplete.settled(task, db)
    population.check_schema(task, db)
    needed = task.entity_col if task.autocomplete else (*task.entity_col, task.time_col)
    if missing := [c for c in needed if c not in table]:
        raise TaskError(f"{task}: the table asked about has no column {missing[0]!r}")
    entity = population.row_positions(task, db, table)
    if task.autocomplete:
        time = autocomplete.at_own_time(task, db, entity)
    else:
        time = times.seconds(table[task.time_col], rounding="down")
    population.check_asked(task, db, table, entity, time)
    return _unanswered(task, db, entity, time, cut, f"predict: {len(entity)} seeds as asked")


def _unanswered(
    task: Task, db: Database, entity: np.ndarray, time: np.ndarray, cut: Cut, note: str
) -> SeedTable:
    return _seed_table(
        task,
        db,
        split="predict",
        entity=entity,
        time=time,
        target=None,
        classes=classes_of(task, db),
        policy="rolling",
        cut=cut,
        visible_until=None,
        stats_until=splits.timestamps(task, db)[0],
        notes=(note,),
    )


def _seed_table(task: Task, db: Database, *, notes: tuple[str, ...], **parts: Any) -> SeedTable:
    asked = {f.name: getattr(task, f.name) for f in fields(task) if f.name not in _NOT_HASHED}
    hashed = [
        part.tobytes() if isinstance(part, np.ndarray | Lists) else repr(part)
        for part in (asked, *parts.values())
    ]
    fingerprint = cache.digest(db.fingerprint, *hashed)
    return SeedTable(task=task, fingerprint=fingerprint, notes=notes, **parts)


def classes_of(task: Task, db: Database) -> tuple[Any, ...]:
    if task.kind == "recommendation":
        return ()
    if task.kind in ("binary", "regression"):
        return targets.learn_classes(task.kind, pd.Series())
    train = labels.label_table(task, db, "train")
    return targets.learn_classes(task.kind, train[task.target_col])


def _answers(
    task: Task,
    db: Database,
    table: pd.DataFrame,
    classes: tuple[Any, ...],
    visible_until: int | None,
) -> tuple[pd.DataFrame, Any, list[str]]:
    """One row per seed, its target, and a note on answers left out."""
    if task.kind == "recommendation":
        return links.lists(task, db, table, visible_until)
    return table, targets.encode(task.kind, table[task.target_col], classes), []


def _drop_unseen(
    kept: np.ndarray, notes: list[str], target: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    unseen = kept & (target == targets.UNSEEN)
    if not unseen.any():
        return kept, notes
    note = f"{unseen.sum()} label rows left out: their class is not in the training split"
    return kept & ~unseen, [*notes, note]


def _check_train(task: Task, target: Any) -> None:
    """Refuse a training split that teaches nothing: every target the same."""
    if task.kind not in ("regression", "recommendation") and len(np.unique(target, axis=0)) < 2:
        raise TaskError(
            f"{task}: all {len(target)} training labels are {target[0]}; there is one class only, "
            "so nothing can be learnt"
        )


def _summary(task: Task, split: str, target: Any, classes: tuple[Any, ...]) -> str:
    if task.kind == "regression":
        spread = f"mean {target.mean():.4g}, sd {target.std():.4g}"
    elif task.kind == "binary":
        spread = f"{100 * target.mean():.1f} % positive"
    elif isinstance(target, Lists):
        spread = f"{target.counts.mean():.1f} destinations each"
    else:
        spread = f"{len(classes)} classes"
    return f"{split}: {len(target)} seeds, {spread}"


def _expect(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{field}={value!r}; expected one of {', '.join(allowed)}")
