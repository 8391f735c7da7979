"""RDB2G-Bench's tasks, read by the benchmark that prints them, and schemas made up at random."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.search.space import SpecSpace

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@cache
def benchmark() -> ModuleType:
    """The script as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("space")
    finally:
        sys.path.remove(str(BENCHMARKS))


@cache
def tasks() -> dict[str, Any]:
    """Every published task by name."""
    return {task.name: task for task in benchmark().published()}


@cache
def space(task: str) -> SpecSpace:
    """The space of a published task, enumerated once for all tests."""
    return tasks()[task].space()


def schema(**tables: dict[str, str]) -> Schema:
    """A schema from tables with their foreign keys and the parents of these."""
    return Schema(
        "small",
        {
            name: TableSchema(
                name,
                (),
                fkeys=tuple(ForeignKey(k, (k,), p, ("id",), k) for k, p in fkeys.items()),
            )
            for name, fkeys in tables.items()
        },
    )


def random_schema(seed: int) -> Schema:
    """Up to six tables and eight foreign keys between them, some to the table itself."""
    random = Random(seed)
    names = "abcdef"[: random.randint(2, 6)]
    tables: dict[str, dict[str, str]] = {name: {} for name in names}
    for key in "klmnopqr"[: random.randint(1, 8)]:
        tables[random.choice(names)][key] = random.choice(names)
    return schema(**tables)
