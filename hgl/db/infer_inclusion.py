"""How many of a child's values a parent holds: one semi-join, over a sample where they are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from hgl.db.duck import identifier
from hgl.db.infer_profile import Profile, value_sql

SAMPLED_VALUES = 100_000
"""From this many distinct values on, every n-th by hash stands for all."""


@dataclass(frozen=True)
class Inclusion:
    """Distinct values of the child and rows that hold them, and how many of each the parent has.

    Attributes:
        every: one value in so many was looked up.
    """

    values: int = 0
    rows: int = 0
    values_found: int = 0
    rows_found: int = 0
    every: int = 1

    @property
    def share(self) -> float:
        """Share found, of values or of rows, whichever is more; 0 when there are no values."""
        if not self.values:
            return 0.0
        return max(self.values_found / self.values, self.rows_found / self.rows)

    def __str__(self) -> str:
        missing = self.rows - self.rows_found
        sampled = f" sampled (1 in {self.every})" if self.every > 1 else ""
        if not missing:
            return f"all {self.values:,} values{sampled} found"
        return f"{missing:,} of {self.rows:,} rows{sampled} ({missing / self.rows:.1%}) dangle"


def include(
    connection: duckdb.DuckDBPyConnection,
    child: tuple[str, Sequence[Profile]],
    parent: tuple[str, Sequence[Profile]],
) -> Inclusion:
    """Count the values of the child's columns that are in the parent's, which are a key of it.

    Args:
        child: view and the profiles of its columns.
        parent: view and the profiles of the key's columns, in the same order.
    """
    pairs = [_comparable(c, p) for c, p in zip(child[1], parent[1], strict=True)]
    aliased = ", ".join(f"{c} AS v{i}" for i, (c, _) in enumerate(pairs))
    keys = ", ".join(f"{p} AS v{i}" for i, (_, p) in enumerate(pairs))
    values = ", ".join(f"v{i}" for i in range(len(pairs)))
    filled = " AND ".join(f"v{i} IS NOT NULL" for i in range(len(pairs)))
    distinct = min(child[1][0].rows, math.prod(max(1, c.distinct) for c in child[1]))
    every = max(1, distinct // SAMPLED_VALUES)
    row = connection.execute(
        f"WITH child AS MATERIALIZED (SELECT {values}, count(*) AS n FROM (SELECT {aliased} "
        f"FROM {identifier(child[0])}) WHERE {filled} AND hash({values}) % {every} = 0 "
        f"GROUP BY {values}), parent AS (SELECT {keys} FROM {identifier(parent[0])}) "
        "SELECT * FROM (SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM child), "
        f"(SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM child SEMI JOIN parent "
        f"USING ({values}))"
    ).fetchall()[0]
    return Inclusion(row[0], row[1], row[2], row[3], every)


def held(
    connection: duckdb.DuckDBPyConnection, parent: str, key: Profile, values: Sequence[str]
) -> set[str]:
    """Return those of `values`, as text, that the parent's key column holds."""
    found = connection.execute(
        f"SELECT DISTINCT v FROM (SELECT unnest(?::VARCHAR[]) AS v) WHERE v IN "
        f"(SELECT {value_sql(key)}::VARCHAR FROM {identifier(parent)})",
        [list(values)],
    ).fetchall()
    return {v for (v,) in found}


def some_values(
    connection: duckdb.DuckDBPyConnection, table: str, column: Profile, count: int
) -> list[str]:
    """Return up to `count` distinct values of a column, as text."""
    value = value_sql(column)
    found = connection.execute(
        f"SELECT DISTINCT {value}::VARCHAR AS v FROM {identifier(table)} "
        f"WHERE {value} IS NOT NULL ORDER BY hash(v) LIMIT {count}"
    ).fetchall()
    return [v for (v,) in found]


def _comparable(child: Profile, parent: Profile) -> tuple[str, str]:
    """Return SQL for both sides, as text where their types differ."""
    if child.family == parent.family == "int":
        return value_sql(child), value_sql(parent)
    return f"{value_sql(child)}::VARCHAR", f"{value_sql(parent)}::VARCHAR"
