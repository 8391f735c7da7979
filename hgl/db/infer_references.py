"""Foreign keys of one column: evidence from names, types, inclusion and cardinality.

Serial numbers of one table include those of every other, so inclusion alone says nothing: it counts
by how unlikely it is for values drawn from the parent's range. Names decide otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from hgl.db.infer_findings import Evidence
from hgl.db.infer_inclusion import Inclusion, held, include, some_values
from hgl.db.infer_profile import Profile
from hgl.db.infer_survey import WORTHY, Key, Survey, is_surrogate, keyable
from hgl.db.infer_words import (
    CATEGORIES,
    GENERIC,
    MEASURES,
    PERSON_ACTS,
    PERSON_ROLES,
    PERSON_TABLES,
    SELF,
)
from hgl.db.names import Name, likeness, word_likeness

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
                if _types(values, parent.columns[key.columns[0]]) == 0.0:
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


def name_evidence(
    table: Survey, column: str, parent: Survey, key: Key, surrogate: bool
) -> Evidence:
    """Return how much the name of `column` makes it a reference to `key` of `parent`.

    Args:
        surrogate: the key is called as those of other tables, so its name says nothing.
    """
    own = table.schema.name == parent.schema.name
    name, target = table.names[column], parent.names[key.columns[0]]
    itself = table.key_of(column)
    if (
        itself is not None
        and name.words == target.words
        and _rank(table, itself) >= _rank(parent, key)
    ):
        return Evidence("name", 0.0, "the key itself, or one that ranks above")
    reasons = [_parent_named(name, table, parent, own), _role_named(name, parent, own)]
    if not surrogate:
        reasons.append(_key_named(name, target, parent, key, own))
    best = max(reasons, key=lambda e: e.score)
    home = likeness(name.entity, table.name.entity) if itself else 0.0
    if not own and home >= best.score:
        return Evidence("name", 0.0, "this table's own key")
    return best


def _rank(table: Survey, key: Key) -> tuple[int, float, str]:
    """Which of two keys of the same name is the parent's, so that no two refer to each other."""
    return table.rows, key.score, key.table


def _parent_named(name: Name, table: Survey, parent: Survey, own: bool) -> Evidence:
    score = likeness(name.entity, parent.name.entity)
    if name.entity == (name.head,) and name.head in GENERIC and len(parent.name.entity) > 1:
        # `type` of an artist is an artist type; that of something else says little.
        score *= 0.6
        if table.name.entity + name.entity == parent.name.entity:
            score = 1.0
    exact = name.entity == parent.name.entity and not name.role
    if not score or (own and exact):
        return Evidence("name", 0.0, "does not name the table")
    if not name.mark:
        if name.words[-1] in MEASURES:
            return Evidence("name", 0.0, "called as content is")
        score *= 0.85
    said = "names the table" if exact else "names the table in a role or in short"
    return Evidence("name", score * (0.9 if name.role else 1.0), said)


def _key_named(name: Name, target: Name, parent: Survey, key: Key, own: bool) -> Evidence:
    """The parent's key is called the same, and is more than `id` or `name`."""
    another = own and name.entity == target.entity and not name.role
    if not target.entity or key.score < WORTHY or another:
        return Evidence("name", 0.0, "the key's name says nothing")
    alike = 1.0 if name.words == target.words else likeness(name.entity, target.entity) * 0.9
    if not alike or (not name.mark and name.words != target.words):
        return Evidence("name", 0.0, "called otherwise")
    at_home = key.score >= 0.9 or likeness(target.entity, parent.name.entity) > 0
    said = "called as the key" if name.words == target.words else "called much as the key"
    return Evidence("name", alike * (0.95 if at_home else 0.85), said)


def _role_named(name: Name, parent: Survey, own: bool) -> Evidence:
    """A role of another row of the same table (`ReportsTo`), or of people (`SupportRepId`)."""
    stated = name.mark or likeness(name.entity[:-1], parent.name.entity)
    if own and name.head in SELF and (stated or len(name.words) == 1):
        return Evidence("name", 0.65, f"{name.head!r} is a role within the same table")
    people = any(word_likeness(parent.name.head, known) for known in PERSON_TABLES)
    if people and (name.head in PERSON_ROLES or (name.mark and name.head in PERSON_ACTS)):
        return Evidence("name", 0.65, f"{name.head!r} is a role of people")
    return Evidence("name", 0.0, "no role")


def _types(child: Profile, parent: Profile) -> float:
    """1 for types that compare, 0.7 for numbers beside text that holds numbers, else 0."""
    if child.family == parent.family:
        return 1.0
    text = child if child.family == "text" else parent
    both = {child.family, parent.family} == {"int", "text"}
    return 0.7 if both and (text.shape.numbers > 0.95 or not text.filled) else 0.0


def _weighed(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Survey],
    child: str,
    column: str,
    key: Key,
    named: Evidence,
) -> Reference:
    values, target = tables[child].columns[column], tables[key.table].columns[key.columns[0]]
    typed = Evidence("type", _types(values, target), f"{values.kind} to {target.kind}")
    found = include(connection, (child, [values]), (key.table, [target]))
    included, counted = inclusion_evidence(found), cardinality_evidence([values], [target], found)
    score = combined(named, typed, included, counted)
    if named.score < 0.9 and target.filled and _looks_like_counts(values, target):
        score *= 0.7
    return Reference(child, (column,), key, score, (named, typed, included, counted))


def combined(named: Evidence, typed: Evidence, included: Evidence, counted: Evidence) -> float:
    """Return one score: name or values must speak for it, type and inclusion not against it."""
    if not named.score and included.score < 0.9:
        return 0.0
    return typed.score * included.score * (1 - (1 - named.score) * (1 - counted.score))


def inclusion_evidence(found: Inclusion) -> Evidence:
    """1 when 2 % or fewer dangle, 0.79 at 15 %, 0.55 at 30 %; 0.9 where nothing is to look up."""
    if not found.rows:
        return Evidence("inclusion", 0.9, "no values to look up")
    score = min(1.0, max(0.0, 1 - 1.6 * (0.98 - found.share)))
    return Evidence("inclusion", score, str(found))


def cardinality_evidence(
    child: Iterable[Profile], parent: Iterable[Profile], found: Inclusion
) -> Evidence:
    """Return how unlikely it is that values of the parent's kind are all its keys by chance."""
    keys = list(parent)
    density = math.prod(p.density for p in keys)
    if len(keys) > 1:
        density = min(1.0, keys[0].rows / max(1, math.prod(max(1, p.distinct) for p in keys)))
    nats = -found.values_found * math.log(max(density, 1e-12))
    text = (
        f"{found.values:,} values, {keys[0].rows:,} keys; "
        f"a value of this kind is a key in {density:.0%} of cases"
    )
    return Evidence("cardinality", min(0.75, 1 - math.exp(-nats / 5)), text)


def _looks_like_counts(values: Profile, target: Profile) -> bool:
    """Whether integers keep to the lowest twentieth of many keys, as counts and ranks do."""
    if values.family != "int" or target.family != "int" or not values.filled:
        return False
    span = int(target.greatest) - int(target.least)
    return span >= 100 and int(values.greatest) - int(target.least) < span / 20
