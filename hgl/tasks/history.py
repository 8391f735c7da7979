"""A task's past answers as one more table: each a row of its entity, from when it was known.

A label at t covers `(t, t + timedelta]`, so its row's time is `t + timedelta`. From then on it is a
row like any other, and what hides later rows from a seed hides later answers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.db import cache, times
from hgl.db.add_table import add_table
from hgl.db.clock import free_name
from hgl.db.database import Database
from hgl.db.schema import Column, ForeignKey, TableSchema
from hgl.tasks import autocomplete, labels, population, targets
from hgl.typing import Stype

if TYPE_CHECKING:
    from hgl.tasks.task import Task

VERSION = 1
"""Part of the cache key: raise it when the same labels would give another table."""
_ROW, _ENTITY, _KNOWN, _ANSWER = "_row", "entity_row", "known_at", "answer"


def with_history(task: Task, db: Database) -> Database:
    """Return `db` with one more table, which holds the task's past answers.

    The table is called `<task> history` and refers to the entity table. Labels of every seed time
    of `labels.known_labels` are in it; the answers of a multilabel task are a row per label.
    Other tables are the same files.

    Raises: TaskError: the labels cannot be made.
    """
    task = autocomplete.settled(task, db)
    rows = _rows(task, db)
    name = free_name(f"{task.name} history", list(db.schema.tables))
    content = [rows[c].to_numpy().tobytes() for c in (_ENTITY, _KNOWN)]
    answers = [str(answer) for answer in rows[_ANSWER]]
    key = cache.digest(VERSION, cache.code_version(), db.fingerprint, name, *content, answers)

    def build(folder: Path) -> None:
        known = pa.array(rows[_KNOWN].to_numpy() * 10**6).cast(pa.timestamp("us"))
        stored = pa.table(
            {
                _ROW: pa.array(np.arange(len(rows))),
                _ENTITY: pa.array(rows[_ENTITY].to_numpy()),
                _KNOWN: known,
                _ANSWER: pa.array(rows[_ANSWER].tolist()),
            }
        )
        add_table(db, _table(task, name, stored), stored, folder)

    folder = cache.entry("history", key, build)
    return dataclasses.replace(Database.open(folder), until=db.until)


def _rows(task: Task, db: Database) -> pd.DataFrame:
    """One row per answer about a row that was known, in order of time, then entity, then answer."""
    table = labels.known_labels(task, db)
    entity = population.row_positions(task, db, table)
    asked = times.seconds(table[task.time_col], rounding="up")
    kept = (entity >= 0) & (population.known_from(task, db)[entity] <= asked)
    table, entity, known = table[kept], entity[kept], asked[kept] + task.timedelta
    classes = targets.learn_classes(task.kind, table[task.target_col])
    coded = targets.encode(task.kind, table[task.target_col], classes)
    if task.kind == "multilabel":
        row, code = np.nonzero(coded)
        answers = [str(classes[c]) for c in code]
        entity, known = entity[row], known[row]
    else:
        answers = [str(classes[c]) for c in coded] if task.kind == "multiclass" else coded.tolist()
    rows = pd.DataFrame({_ENTITY: entity, _KNOWN: known, _ANSWER: answers})
    return rows.sort_values([_KNOWN, _ENTITY, _ANSWER], ignore_index=True)


def _table(task: Task, name: str, stored: pa.Table) -> TableSchema:
    numbers = task.kind in ("binary", "regression")
    stypes: dict[str, Stype] = {
        _ROW: "ignored",
        _ENTITY: "ignored",
        _KNOWN: "timestamp",
        _ANSWER: "numerical" if numbers else "categorical",
    }
    return TableSchema(
        name=name,
        columns=tuple(
            Column(f.name, str(f.type), stypes[f.name], f"history of {task}") for f in stored.schema
        ),
        row_col=_ROW,
        time_col=_KNOWN,
        time_reason="when the answer was known",
        fkeys=(ForeignKey("entity", (_ENTITY,), task.entity_table, (), _ENTITY),),
        num_rows=len(stored),
    )
