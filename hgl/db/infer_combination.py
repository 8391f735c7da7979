"""Composite primary keys: the fewest columns, of those that may be part of one, that are unique."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import duckdb

from hgl.db.duck import identifier
from hgl.db.infer_findings import Evidence
from hgl.db.infer_profile import SAMPLE_ROWS, is_unique, value_sql
from hgl.db.infer_survey import Key, Survey
from hgl.db.infer_words import MEASURES, SEQUENCES

WIDEST = 3
CONSIDERED = 10
"""Columns that combinations are drawn from."""
INSTANT = 0.75
"""Weight of an instant; a key has at least one column of this weight."""
UNNAMED = 0.25
"""Weight of a column whose name says neither key nor content."""
_PAIRS_TO_TRUST = 3.0
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
    agreements = {c: agreement(connection, table, c) for c in weights}
    for width in range(2, WIDEST + 1):
        drawn = [
            c
            for c in _drawn(table, weights, width)
            if _expected(table, [agreements[x] for x in c]) >= _PAIRS_TO_TRUST
        ]
        for combination in _nearly_unique(connection, table, drawn):
            profiles = [table.columns[c] for c in combination]
            if is_unique(connection, table.schema.name, profiles):
                return Key(table.schema.name, combination, 0.7, _evidence(table, combination))
    return None


def is_accident(
    connection: duckdb.DuckDBPyConnection, table: Survey, columns: Iterable[str]
) -> bool:
    """Whether so few pairs of rows agree in each column that hardly any would agree in all.

    Were the columns independent, the chance that no pair does is exp(-expected pairs).
    """
    return _expected(table, [agreement(connection, table, c) for c in columns]) < _PAIRS_TO_TRUST


def agreement(connection: duckdb.DuckDBPyConnection, table: Survey, column: str) -> float:
    """Return the chance that two rows agree in a column, 0 to 1, from a sample of a large table."""
    sampled = (
        f"(SELECT {value_sql(table.columns[column])} AS v FROM {identifier(table.schema.name)}) "
        f"USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (0)"
    )
    row = connection.execute(
        "SELECT sum(n * (n - 1)), sum(n)::DOUBLE FROM "
        f"(SELECT count(*)::DOUBLE AS n FROM (SELECT * FROM {sampled}) GROUP BY v)"
    ).fetchall()[0]
    pairs, rows = row[0] or 0.0, row[1] or 0.0
    return pairs / (rows * (rows - 1)) if rows > 1 else 0.0


def _expected(table: Survey, agreements: Iterable[float]) -> float:
    return table.rows * (table.rows - 1) / 2 * math.prod(agreements)


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
        and column.distinct > 1
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
        return INSTANT
    if name.mark or {*name.words[-1:]} & SEQUENCES:
        return 0.5
    content = {*name.words[-1:]} & MEASURES or values.shape.words > 1.5 or values.distinct <= 2
    return 0.0 if content else UNNAMED


def _drawn(table: Survey, weights: Mapping[str, float], width: int) -> list[Combination]:
    """Return combinations that may be a key, the likeliest first."""
    order = {c: i for i, c in enumerate(table.columns)}
    drawn = [
        tuple(sorted(c, key=order.__getitem__))
        for c in combinations(weights, width)
        if max(weights[x] for x in c) >= INSTANT
        and math.prod(table.columns[x].distinct for x in c) >= _NEARLY * table.rows
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
