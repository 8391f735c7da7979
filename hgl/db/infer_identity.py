"""Primary keys: the candidate that others refer to, what joins two tables, or a combination."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from hgl.db.infer_combination import WIDEST, combined_key, is_accident
from hgl.db.infer_findings import Evidence
from hgl.db.infer_profile import is_unique
from hgl.db.infer_references import Reference
from hgl.db.infer_survey import Key, Survey
from hgl.db.names import likeness, parse

SURE = 1.0
ENOUGH = 0.4
"""Score from which one column is the key rather than a combination of others."""
LEAST = 0.3
"""Score from which one column is the key where nothing else is."""


def identity(
    connection: duckdb.DuckDBPyConnection, table: Survey, references: Sequence[Reference]
) -> Key | None:
    """Return the primary key of `table`, or None where nothing tells its rows apart.

    Args:
        references: the single-column foreign keys of all tables.
    """
    name = table.schema.name
    own = [r for r in references if r.child == name and r.parent.table != name]
    scored = (_scored(key, table, own, references) for key in table.keys)
    best = max(scored, key=lambda k: k.score, default=None)
    if best is not None and best.score >= SURE:
        return best
    bridge = _bridge(connection, table, own)
    if bridge is not None and not is_accident(connection, table, bridge.columns):
        return bridge
    if best is not None and best.score >= ENOUGH and bridge is None:
        return best
    combined = combined_key(connection, table, [r.columns[0] for r in own])
    return combined or bridge or (best if best is not None and best.score >= LEAST else None)


def _scored(
    key: Key, table: Survey, own: Iterable[Reference], references: Iterable[Reference]
) -> Key:
    """Raise a key that others refer to, lower one that refers to another table itself."""
    target = key.table, key.columns
    callers = {r.child for r in references if (r.parent.table, r.parent.columns) == target}
    leaves = [r.parent.table for r in own if r.columns == key.columns and r.score >= 0.8]
    evidence = list(key.evidence)
    if callers:
        evidence.append(Evidence("inclusion", 1.0, f"referred to by {', '.join(sorted(callers))}"))
    if leaves:
        evidence.append(Evidence("inclusion", 0.0, f"refers to {leaves[0]} itself"))
    first = key.columns[0] == next(iter(table.columns))
    score = key.score + 0.5 * bool(callers) - (0.1 if first else 0.4) * bool(leaves)
    return Key(key.table, key.columns, score, tuple(evidence))


def _bridge(
    connection: duckdb.DuckDBPyConnection, table: Survey, own: Sequence[Reference]
) -> Key | None:
    """Return the key of a table that joins others: all its references together.

    It holds nothing else, or is called for two of them (`EmployeeTerritories`).
    """
    columns = [c for c in table.columns if any(r.columns == (c,) for r in own)]
    if not 2 <= len(columns) <= WIDEST:
        return None
    parents = sorted({r.parent.table for r in own})
    called = [p for p in parents if any(likeness((w,), parse(p).words) for w in table.name.entity)]
    if len(columns) < len(table.columns) and len(called) < 2:
        return None
    profiles = [table.columns[c] for c in columns]
    if any(p.filled < p.rows for p in profiles):
        return None
    if not is_unique(connection, table.schema.name, profiles):
        return None
    evidence = (
        Evidence("name", 0.9, f"joins {' and '.join(parents)}"),
        Evidence("cardinality", 1.0, f"{table.rows:,} rows, all different"),
    )
    return Key(table.schema.name, tuple(columns), 0.9, evidence)
