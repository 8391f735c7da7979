"""Primary keys: the candidate that others refer to, or the fewest columns that tell rows apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import duckdb

from hgl.db.duck import identifier
from hgl.db.infer_findings import Evidence
from hgl.db.infer_profile import is_unique, value_sql
from hgl.db.infer_references import Reference
from hgl.db.infer_survey import Key, Survey
from hgl.db.infer_words import SEQUENCES
from hgl.db.names import likeness, parse

ENOUGH = 0.5
"""Score from which a single column is the primary key."""
WIDEST = 3
CONSIDERED = 10
"""Columns that combinations are drawn from."""
_NATS_TO_TRUST = 3.0
_ROWS_TO_TRUST = 30
"""Below this many rows combinations are distinct by accident."""


def choose(
    connection: duckdb.DuckDBPyConnection, table: Survey, references: Iterable[Reference]
) -> Key | None:
    """Return the primary key of `table`, or None where nothing tells its rows apart.

    Args:
        references: the single-column foreign keys of all tables.
    """
    references = list(references)
    own = [r for r in references if r.child == table.schema.name and r.parent.table != r.child]
    ranked = sorted((_scored(k, own, references) for k in table.keys), key=lambda k: -k.score)
    if ranked and ranked[0].score >= 1.0:
        return ranked[0]
    bridge = _bridge(connection, table, own)
    if bridge is not None:
        return bridge
    if ranked and ranked[0].score >= ENOUGH:
        return ranked[0]
    taken = {k.columns[0] for k in table.keys}
    return _composite(connection, table, own, taken) or (ranked[0] if ranked else None)


def _scored(key: Key, own: Iterable[Reference], references: Iterable[Reference]) -> Key:
    """Raise a key that others refer to, lower one that refers to another table itself."""
    callers = {
        r.child
        for r in references
        if (r.parent.table, r.parent.columns) == (key.table, key.columns)
    }
    leaves = any(r.columns == key.columns and r.score >= 0.8 for r in own)
    evidence = [*key.evidence, Evidence("inclusion", 1.0, "unique and never null")]
    if callers:
        evidence.append(Evidence("cardinality", 1.0, f"{len(callers)} tables refer to it"))
    if leaves:
        evidence.append(Evidence("inclusion", 0.0, "refers to another table itself"))
    score = key.score + 0.5 * bool(callers) - 0.4 * leaves
    return Key(key.table, key.columns, score, tuple(evidence))


def _bridge(
    connection: duckdb.DuckDBPyConnection, table: Survey, own: Sequence[Reference]
) -> Key | None:
    """Return the key of a table that joins others: all its references together."""
    columns = [c for c in table.columns if any(r.columns == (c,) for r in own)]
    parents = {r.parent.table for r in own}
    if not 2 <= len(columns) <= WIDEST:
        return None
    named_for = [
        p for p in parents if any(likeness((w,), parse(p).words) for w in table.name.entity)
    ]
    if len(columns) < len(table.columns) and len(named_for) < 2:
        return None
    profiles = [table.columns[c] for c in columns]
    if any(p.filled < p.rows for p in profiles):
        return None
    if not is_unique(connection, table.schema.name, profiles):
        return None
    named = Evidence("name", 0.9, f"joins {', '.join(sorted(parents))}")
    return Key(table.schema.name, tuple(columns), 0.9, (named,))


def _composite(
    connection: duckdb.DuckDBPyConnection,
    table: Survey,
    own: Sequence[Reference],
    taken: set[str],
) -> Key | None:
    """Return the first combination of two or three columns that is unique, the likeliest first."""
    columns = _considered(table, own, taken)
    weights = {c: _weight(table, own, c) for c in columns}
    name, rows = table.schema.name, table.rows
    for width in range(2, WIDEST + 1):
        drawn = [
            c for c in combinations(columns, width) if max(_weight(table, own, x) for x in c) >= 1
        ]
        drawn.sort(key=lambda c: (-sum(_weight(table, own, x) for x in c), _places(table, c)))
        if rows < _ROWS_TO_TRUST:
            drawn = [c for c in combinations(columns, width) if max(weights[x] for x in c) >= 1]
        if rows < _ROWS_TO_TRUST:
            drawn = [c for c in drawn if all(weights[x] >= 1 for x in c)]
        drawn.sort(
            key=lambda c: (_accident(table, c), -sum(weights[x] for x in c), _places(table, c))
        )
        for combination in _nearly_unique(connection, table, drawn):
            profiles = [table.columns[c] for c in combination]
            if is_unique(connection, name, profiles):
                ordered = tuple(c for c in table.columns if c in combination)
                named = Evidence("name", 0.7, "references, identifiers and counters")
                unique = Evidence("cardinality", 1.0, f"no fewer tell the {rows:,} rows apart")
                return Key(name, ordered, 0.7, (named, unique))
    return None


def _considered(table: Survey, own: Sequence[Reference], taken: set[str]) -> list[str]:
    """Return columns that may be part of a key: never null, named as references or counters are."""
    able = [
        c
        for c, p in table.columns.items()
        if c not in taken
        and p.family in ("int", "text", "instant")
        and p.filled == p.rows
        and p.distinct > 1
        and _weight(table, own, c) > 0
    ]
    able.sort(key=lambda c: -_weight(table, own, c))
    return able[:CONSIDERED]


def _weight(table: Survey, own: Sequence[Reference], column: str) -> float:
    """Return how well a column suits a composite key.

    3: named for its table; 2: a reference; 1: an identifier; less: an instant, a counter, an
    identifier in a role (`teamIDwinner`: what the row refers to, not what it is); 0: content.
    """
    name = table.names[column]
    if name.mark and name.entity == table.name.entity and not name.role:
        return 3.0
    if any(r.columns == (column,) for r in own):
        return 2.0
    if name.identifies or name.entity == table.name.entity:
        return 0.5 if name.role else 1.0
    if table.columns[column].family == "instant" or table.columns[column].shape.instants > 0.95:
        return 0.75
    return 0.5 if name.mark or (name.words and name.words[-1] in SEQUENCES) else 0.0


def _accident(table: Survey, combination: Sequence[str]) -> bool:
    """Whether so few rows would differ in columns of so many values anyway, as birthdays do."""
    values = math.prod(table.columns[c].distinct for c in combination)
    return table.rows**2 / (2 * values) < _NATS_TO_TRUST


def _places(table: Survey, combination: Sequence[str]) -> int:
    order = list(table.columns)
    return sum(order.index(c) for c in combination)


def _nearly_unique(
    connection: duckdb.DuckDBPyConnection, table: Survey, drawn: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    """Yield the combinations whose estimated distinct count comes near the number of rows."""
    if not drawn:
        return
    terms = ", ".join(
        f"approx_count_distinct(hash({', '.join(value_sql(table.columns[c]) for c in columns)}))"
        for columns in drawn
    )
    name = identifier(table.schema.name)
    row = connection.execute(f"SELECT {terms} FROM {name}").fetchall()[0]
    yield from (c for c, count in zip(drawn, row) if count >= 0.85 * table.rows)
