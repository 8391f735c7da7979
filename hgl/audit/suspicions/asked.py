"""The label rows of a task, those that cannot be seeds too."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import get_args

import numpy as np
import pandas as pd

from hgl.audit.case import Case
from hgl.db import times
from hgl.errors import TaskError
from hgl.tasks import autocomplete, labels, population
from hgl.typing import Split

ASKED = "hgl:asked"
"""Name of the label rows on a connection: no table of a database has it."""
MAX_ROWS = 50_000
"""Label rows looked at where each is joined with other tables."""


@dataclass(frozen=True)
class _Split:
    """A split of one case, which is told from others by its identity."""

    case: Case = field(compare=False)
    identity: int
    split: str


def asked(case: Case, split: str) -> pd.DataFrame:
    """Return columns `entity` (row position, -1 if absent), `time` (seconds) and `target`.

    A recommendation has one of its destinations as target. The frame is shared: never change it.
    Raises: TaskError: the split has no labels.
    """
    return _read(_Split(case, id(case), split))


@lru_cache(maxsize=3)
def _read(of: _Split) -> pd.DataFrame:
    """Read once what most checks begin with; the key holds its case, so its identity is taken."""
    db = of.case.db
    task = autocomplete.settled(of.case.task, db)
    table = labels.label_table(task, db, of.split)
    rounding: times.Rounding = "up" if task.autocomplete else "down"
    rows = pd.DataFrame(
        {
            "entity": population.row_positions(task, db, table),
            "time": times.seconds(table[task.time_col], rounding=rounding),
            "target": table[task.target_cols[0]],
        }
    )
    return rows.drop_duplicates(["entity", "time"], ignore_index=True)


def by_split(case: Case) -> dict[str, pd.DataFrame]:
    """Return the label rows of every split that has any."""
    found = {}
    for split in get_args(Split):
        try:
            found[split] = asked(case, split)
        except TaskError:  # what training or evaluation says itself
            continue
    return found


def some(rows: pd.DataFrame, most: int = MAX_ROWS) -> pd.DataFrame:
    """Return at most so many rows, drawn evenly, numbered from 0 in column `n`."""
    step = -(-len(rows) // most) or 1
    chosen = rows.iloc[::step].reset_index(drop=True)
    return chosen.assign(n=np.arange(len(chosen)))
