"""Small random databases in which some tables may be edges."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hgl.db.database import Database
from hgl.errors import SchemaError
from hgl.search.space import SpecSpace
from tests.search.published import random_schema

DAY = 86_400


def random_databases(out: Path) -> list[Database]:
    """Databases with tables that may be edges, null keys, unknown times and static tables."""
    found: list[Database] = []
    for seed in range(100):
        if _joins(seed) and len(found) < 6:
            tables, manifest = _random_tables(seed)
            folder = out / str(seed)
            found.append(Database.open(tables, name=f"db{seed}", manifest=manifest, out=folder))
    return found


def space_of(schema: Any, table: str) -> SpecSpace | None:
    """The graph models for a table; None where there are none."""
    try:
        return SpecSpace(schema, table)
    except SchemaError:
        return None


@cache
def _joins(seed: int) -> bool:
    schema = random_schema(seed)
    spaces = (space_of(schema, name) for name in schema.tables)
    return any(model.edge_tables for space in spaces if space for model in space)


def _random_tables(seed: int) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    schema, random = random_schema(seed), np.random.default_rng(seed)
    sizes = {name: int(random.integers(3, 12)) for name in schema.tables}
    tables, manifest = {}, {}
    for name, table in schema.tables.items():
        columns: dict[str, Any] = {"id": np.arange(sizes[name])}
        for fkey in table.fkeys:
            values = random.integers(0, sizes[fkey.parent], sizes[name]).astype(object)
            values[random.random(sizes[name]) < 0.2] = None
            columns[fkey.name] = pd.array(values, dtype="Int64")
        timed = random.random() < 0.7
        if timed:
            days = pd.Series(random.integers(0, 9, sizes[name]) * DAY)
            columns["at"] = pd.to_datetime(days.mask(random.random(sizes[name]) < 0.1), unit="s")
        tables[name] = pd.DataFrame(columns)
        fkeys = {fkey.name: fkey.parent for fkey in table.fkeys}
        manifest[name] = {"pkey": ["id"], "time_col": "at" if timed else None, "fkeys": fkeys}
    return tables, {"tables": manifest}
