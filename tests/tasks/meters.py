"""Meters whose level is anyone's guess, unless a twin or a bill of the same instant tells it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.tasks.task import Task

DAY = 86400
MANIFEST = {
    "tables": {
        "meters": {"pkey": ["meter_id"], "columns": {"size": "numerical"}},
        "readings": {
            "pkey": ["reading_id"],
            "time_col": "at",
            "fkeys": {"meter_id": "meters"},
            "columns": {
                "level": "numerical",
                "copy": "numerical",
                "weak": "numerical",
                "state": "categorical",
            },
        },
        "bills": {
            "pkey": ["bill_id"],
            "time_col": "at",
            "fkeys": {"meter_id": "meters"},
            "columns": {"amount": "numerical"},
        },
    }
}


def frames(num_meters: int = 20, num_days: int = 60) -> dict[str, pd.DataFrame]:
    """Every meter is read each day at noon, and billed for the level in the same second."""
    random = np.random.default_rng(0)
    meter, day = (grid.ravel() for grid in np.meshgrid(np.arange(num_meters), np.arange(num_days)))
    level = random.normal(size=len(meter))
    at = pd.Timestamp("2024-01-01 12:00") + pd.to_timedelta(day, unit="D")
    readings = pd.DataFrame(
        {
            "reading_id": np.arange(len(meter)),
            "meter_id": meter,
            "at": at,
            "level": np.where(np.arange(len(meter)) % 50 == 7, np.nan, level),
            "copy": np.exp(3 * level),
            "weak": level + random.normal(size=len(meter)),
            "state": np.where(level > 0, "high", "low"),
        }
    )
    bills = pd.DataFrame(
        {"bill_id": np.arange(len(meter)), "meter_id": meter, "at": at, "amount": level}
    )
    meters = pd.DataFrame({"meter_id": range(num_meters), "size": random.normal(size=num_meters)})
    return {"meters": meters, "readings": readings, "bills": bills}


def database(tables: dict[str, pd.DataFrame] | None = None) -> Database:
    return Database.open(
        tables or frames(),
        name="town",
        manifest=MANIFEST,
        val_timestamp="2024-02-05",
        test_timestamp="2024-02-15",
    )


def level(**fields: Any) -> Task:
    """The task of completing `readings.level`."""
    stated = {
        "name": "level",
        "kind": "autocomplete",
        "task_type": "regression",
        "entity_table": "readings",
        "target_col": "level",
    }
    return Task.from_mapping({**stated, **fields}, "task 'level'")
