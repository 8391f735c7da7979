"""Composite primary keys: the fewest columns, of those that may be part of one, that are unique."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import duckdb

from hgl.db.duck import identifier
from hgl.db.infer_findings import Evidence
from hgl.db.infer_profile import is_unique, value_sql
from hgl.db.infer_survey import Key, Survey
from hgl.db.infer_words import MEASURES, SEQUENCES

WIDEST = 3
CONSIDERED = 10
"""Columns that combinations are drawn from."""
UNNAMED = 0.25
"""Weight of a column whose name says neither key nor content."""
_NATS_TO_TRUST = 3.0
_NEARLY = 0.85
"""Share of rows that an estimate of distinct combinations must reach to be counted exactly."""

Combination = tuple[str, ...]


def combined_key(
    connection: duckdb.DuckDBPyConnection, table: Survey, referring: Iterable[str]
) -> Key | None:
    """Return the likeliest unique combination of two or three columns, or None.

    Args:
        referring: columns that are foreign keys.
    """
    weights = _weights(table, frozenset(referring))
    for width in range(2, WIDEST + 1):
        for combination in _nearly_unique(connection, table, _drawn(table, weights, width)):
            profiles = [table.columns[c] for c in combination]
            if is_unique(connection, table.schema.name, profiles):
                return Key(table.schema.name, combination, 0.7, _evidence(table, combination))
    return None


def is_accident(table: Survey, combination: Combination) -> bool:
    """Whether so few rows would differ in columns of so many values anyway, as birthdays do."""
    values = math.prod(max(1, table.columns[c].distinct) for c in combination)
    return table.rows**2 / (2 * values) < _NATS_TO_TRUST


def _evidence(table: Survey, combination: Combination) -> tuple[Evidence, ...]:
    kinds = ", ".join(table.columns[c].kind for c in combination)
    return (
        Evidence("name", 0.7, "references, identifiers and counters"),
        Evidence("type", 1.0, kinds),
        Evidence("cardinality", 1.0, f"{table.rows:,} rows, all different, by no fewer columns"),
    )


def _weights(table: Survey, referring: frozenset[str]) -> dict[str, float]:
    """Return how well columns suit a composite key, best first, those that do not left out.

    A column that is unique by itself needs no other, and one with nulls identifies nothing.
    """
    weights = {
        name: _weight(table, name, referring)
        for name, column in table.columns.items()
        if column.family in ("int", "text", "instant")
        and column.filled == column.rows
        and 1 < column.distinct < column.rows
    }
    ranked = sorted((c for c in weights if weights[c]), key=lambda c: -weights[c])
    return {c: weights[c] for c in ranked[:CONSIDERED]}


def _weight(table: Survey, column: str, referring: frozenset[str]) -> float:
    """3: named for its table; 2: a reference; 1: an identifier; less: instants, counters, others.

    An identifier in a role (`teamIDwinner`) tells what a row refers to, hardly what it is.
    """
    name, values = table.names[column], table.columns[column]
    if name.mark and name.entity == table.name.entity and not name.role:
        return 3.0
    if column in referring:
        return 2.0
    if name.identifies or name.entity == table.name.entity:
        return 0.5 if name.role else 1.0
    if values.family == "instant" or values.shape.instants > 0.95:
        return 0.75
    if name.mark or {*name.words[-1:]} & SEQUENCES:
        return 0.5
    content = {*name.words[-1:]} & MEASURES or values.shape.words > 1.5 or values.distinct <= 2
    return 0.0 if content else UNNAMED


def _drawn(table: Survey, weights: Mapping[str, float], width: int) -> list[Combination]:
    """Return combinations with something that identifies and no accident, the likeliest first."""
    order = {c: i for i, c in enumerate(table.columns)}
    drawn = [
        tuple(sorted(c, key=order.__getitem__))
        for c in combinations(weights, width)
        if max(weights[x] for x in c) >= 1
        and math.prod(table.columns[x].distinct for x in c) >= _NEARLY * table.rows
        and not is_accident(table, c)
    ]
    return sorted(drawn, key=lambda c: (-sum(weights[x] for x in c), sum(order[x] for x in c)))


def _nearly_unique(
    connection: duckdb.DuckDBPyConnection, table: Survey, drawn: Sequence[Combination]
) -> Iterator[Combination]:
    """Yield the combinations whose estimated distinct count comes near the number of rows."""
    if not drawn:
        return
    hashed = (", ".join(value_sql(table.columns[c]) for c in columns) for columns in drawn)
    terms = ", ".join(f"approx_count_distinct(hash({values}))" for values in hashed)
    counts = connection.execute(f"SELECT {terms} FROM {identifier(table.schema.name)}").fetchall()
    yield from (c for c, count in zip(drawn, counts[0]) if count >= _NEARLY * table.rows)
