"""Foreign keys of several columns: a composite key met again, under the same or a role's name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import duckdb

from hgl.db.infer_evidence import cardinality_evidence, combined, inclusion_evidence
from hgl.db.infer_findings import Evidence
from hgl.db.infer_inclusion import include
from hgl.db.infer_references import Reference
from hgl.db.infer_survey import Key, Survey
from hgl.db.names import Name, likeness

LEAST_INCLUDED = 0.95
"""Share of the child's rows that must be found: two tables often share columns, not rows."""
_MOST_COMBINATIONS = 16


def composite_references(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Survey],
    keys: Mapping[str, Key],
) -> list[Reference]:
    """Return the foreign keys to the composite keys among `keys`, by table."""
    wide = [k for k in keys.values() if len(k.columns) > 1 and _owned(tables, keys, k)]
    found = []
    for key in wide:
        for child in tables.values():
            for columns, named in _namesakes(child, tables[key.table], key, keys):
                reference = _weighed(connection, tables, child, columns, key, named)
                if reference is not None:
                    found.append(reference)
    return found


def _owned(tables: Mapping[str, Survey], keys: Mapping[str, Key], key: Key) -> bool:
    """Whether the key belongs to its table: a column is named for it, or no other has this key.

    Tables that are keyed alike and none of which the key is named for are siblings, not parents.
    """
    table = tables[key.table]
    if any(likeness(table.names[c].entity, table.name.entity) == 1.0 for c in key.columns):
        return True
    words = {table.names[c].words for c in key.columns}
    return not any(
        other.table != key.table
        and len(other.columns) == len(key.columns)
        and {tables[other.table].names[c].words for c in other.columns} == words
        for other in keys.values()
    )


def _namesakes(
    child: Survey, parent: Survey, key: Key, keys: Mapping[str, Key]
) -> Iterator[tuple[tuple[str, ...], Evidence]]:
    """Yield the child's columns that are called as the key's, at most one of them in a role."""
    name = child.schema.name
    if name == parent.schema.name:
        return
    offered = [_called_as(child, parent.names[c]) for c in key.columns]
    if math.prod(len(o) for o in offered) > _MOST_COMBINATIONS:
        return
    used = {frozenset(f.columns) for f in child.schema.fkeys}
    for choice in product(*offered):
        columns = tuple(c for c, _ in choice)
        scores = sorted(s for _, s in choice)
        if len({*columns}) < len(columns) or frozenset(columns) in used or scores[1] < 1.0:
            continue
        yield columns, Evidence("name", scores[0], "called as the key's columns")


def _called_as(child: Survey, target: Name) -> list[tuple[str, float]]:
    """Return columns of `child` that bear the target's name: only the same where it is there."""
    same = [(c, 1.0) for c, n in child.names.items() if n.words == target.words]
    alike = [
        (c, 1.0 if n.entity == target.entity and not n.role else 0.85)
        for c, n in child.names.items()
        if n.identifies and target.entity and likeness(n.entity, target.entity) >= 0.9
    ]
    return same or alike


def _weighed(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Survey],
    child: Survey,
    columns: Sequence[str],
    key: Key,
    named: Evidence,
) -> Reference | None:
    values = [child.columns[c] for c in columns]
    targets = [tables[key.table].columns[c] for c in key.columns]
    if any(v.family != t.family for v, t in zip(values, targets)):
        return None
    found = include(connection, (child.schema.name, values), (key.table, targets))
    if found.share < LEAST_INCLUDED:
        return None
    typed = Evidence("type", 1.0, ", ".join(v.kind for v in values))
    included, counted = inclusion_evidence(found), cardinality_evidence(targets, found)
    score = combined(named, typed, included, counted)
    evidence = (named, typed, included, counted)
    return Reference(child.schema.name, tuple(columns), key, score, evidence)
