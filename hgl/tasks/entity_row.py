"""The baseline most people would try first: LightGBM on the columns of the entity's own row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hgl.db import times
from hgl.errors import TaskError
from hgl.tasks.boosting import boosted
from hgl.tasks.seeds import SeedTable

if TYPE_CHECKING:
    from hgl.db.database import Database

_USED = ("numerical", "boolean", "categorical", "timestamp")


def predict(
    db: Database, train: SeedTable, val: SeedTable, test: SeedTable
) -> dict[str, np.ndarray]:
    """Fit on `train`, stop early on `val`, predict both later splits.

    Features are the numerical, boolean, categorical and timestamp columns of the entity table, keys
    and the task's removed columns aside; nothing comes from other tables or from the seed time.

    Returns: `val` and `test` to probabilities or values, in the shape `evaluate` takes.

    Raises: MissingExtra: LightGBM is absent. TaskError: the entity table has no such column.
    """
    rows = {seeds.split: features(db, train, seeds) for seeds in (train, val, test)}
    return boosted(rows, train, val, purpose="the entity-row baseline")


def features(db: Database, train: SeedTable, seeds: SeedTable) -> pd.DataFrame:
    """Return one row of columns per seed; categories are those of the training entities.

    Raises: TaskError: the entity table has no such column.
    """
    table = db.schema.table(seeds.task.entity_table)
    removed = {column for name, column in seeds.task.remove_columns if name == table.name}
    hidden = removed | table.key_columns
    used = {c.name: c.stype for c in table.columns if c.stype in _USED and c.name not in hidden}
    if not used:
        raise TaskError(f"table {table.name!r} has no column that LightGBM could use")
    frame = db.frame(table.name, list(used))
    columns = {
        f"column_{i}": _encoded(frame[name], str(stype), train.entity)
        for i, (name, stype) in enumerate(used.items())
    }
    return pd.DataFrame(columns).iloc[seeds.entity]


def _encoded(column: pd.Series, stype: str, trained: np.ndarray) -> pd.Series:
    if stype == "categorical":
        values = column.astype(object).where(column.notna(), None)
        known = sorted(set(values.iloc[trained].dropna()), key=str)
        return pd.Series(pd.Categorical(values, categories=known), index=column.index)
    if stype == "timestamp":
        seconds = times.seconds(column, rounding="up").astype(np.float64)
        return pd.Series(seconds, index=column.index).where(column.notna())
    return pd.to_numeric(column, errors="coerce").astype(np.float64)
