"""Foreign keys of one column: pairs worth a look by name or by value, weighed by all evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from hgl.db.infer_evidence import (
    cardinality_evidence,
    combined,
    inclusion_evidence,
    looks_like_counts,
    name_evidence,
    type_score,
)
from hgl.db.infer_findings import Evidence
from hgl.db.infer_inclusion import held, include, some_values
from hgl.db.infer_profile import Profile
from hgl.db.infer_survey import WORTHY, Key, Survey, is_surrogate, keyable
from hgl.db.infer_words import CATEGORIES, MEASURES
from hgl.db.names import likeness

ACCEPTED = 0.6
"""Score from which a reference is taken."""
PROBED_VALUES = 30
_NAMED = 0.5
_DISTINCTIVE = 6.0
"""Nats from which inclusion without a name to support it counts."""


@dataclass(frozen=True)
class Reference:
    """A foreign key found, with its reasons."""

    child: str
    columns: tuple[str, ...]
    parent: Key
    score: float
    evidence: tuple[Evidence, ...]


def references(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Survey]
) -> list[Reference]:
    """Return the single-column foreign keys of all tables: per column the likeliest, if any."""
    found: dict[tuple[str, str], Reference] = {}
    for child, column, key, named in (*_by_name(tables), *_by_value(connection, tables)):
        reference = _weighed(connection, tables, child, column, key, named)
        best = found.get((child, column))
        better = best is None or (reference.score, key.score) > (best.score, best.parent.score)
        if reference.score >= ACCEPTED and better:
            found[child, column] = reference
    return list(found.values())


Candidate = tuple[str, str, Key, Evidence]
"""Child table, its column, the parent's key, and what the names say."""


def _by_name(tables: Mapping[str, Survey]) -> Iterator[Candidate]:
    """Yield the pairs whose names and types allow a reference."""
    keys = {n: [(k, is_surrogate(k, tables)) for k in t.keys] for n, t in tables.items()}
    for child, column, values in _free_columns(tables):
        for parent in tables.values():
            for key, surrogate in keys[parent.schema.name]:
                if type_score(values, parent.columns[key.columns[0]]) == 0.0:
                    continue
                named = name_evidence(tables[child], column, parent, key, surrogate)
                if named.score >= _NAMED:
                    yield child, column, key, named


def _by_value(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Survey]
) -> Iterator[Candidate]:
    """Yield pairs without a name in common whose first values say that a look is worth it."""
    columns = {
        (child, column): (values, some_values(connection, child, values, PROBED_VALUES))
        for child, column, values in _free_columns(tables)
        if _may_go_unnamed(tables, child, column)
    }
    for parent in tables.values() if columns else ():
        for key in parent.keys:
            target = parent.columns[key.columns[0]]
            likely = {
                at: probe
                for at, (values, probe) in columns.items()
                if key.score >= WORTHY
                and values.family == target.family
                and (target.family == "int" or at[0] != parent.schema.name)
                and -values.distinct * math.log(target.density) >= _DISTINCTIVE
            }
            asked = sorted({v for probe in likely.values() for v in probe})
            there = held(connection, parent.schema.name, target, asked) if asked else set()
            for (child, column), probe in likely.items():
                if sum(v in there for v in probe) >= 0.9 * len(probe) > 0:
                    yield child, column, key, Evidence("name", 0.0, "names have nothing in common")


def _free_columns(tables: Mapping[str, Survey]) -> Iterator[tuple[str, str, Profile]]:
    """Yield the columns that might refer to something and that no declared key uses."""
    for name, table in tables.items():
        used = {c for fkey in table.schema.fkeys for c in fkey.columns}
        for column, values in table.columns.items():
            if keyable(values) and column not in used:
                yield name, column, values


def _may_go_unnamed(tables: Mapping[str, Survey], child: str, column: str) -> bool:
    """Whether a column that names no table might refer to one: a code, or an identifier."""
    name, values = tables[child].names[column], tables[child].columns[column]
    if tables[child].key_of(column) or not name.words or name.words[-1] in MEASURES:
        return False
    if any(likeness(name.entity, t.name.entity) >= _NAMED for t in tables.values()):
        return False
    if values.family == "int":
        return name.identifies and name.head not in CATEGORIES
    return values.distinct >= 3 and values.shape.words < 1.5


def _weighed(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Survey],
    child: str,
    column: str,
    key: Key,
    named: Evidence,
) -> Reference:
    values, target = tables[child].columns[column], tables[key.table].columns[key.columns[0]]
    typed = Evidence("type", type_score(values, target), f"{values.kind} to {target.kind}")
    found = include(connection, (child, [values]), (key.table, [target]))
    included, counted = inclusion_evidence(found), cardinality_evidence([target], found)
    score = combined(named, typed, included, counted)
    if named.score < 0.9 and target.filled and looks_like_counts(values, target):
        score *= 0.7
    return Reference(child, (column,), key, score, (named, typed, included, counted))
