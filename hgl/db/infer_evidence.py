"""The four kinds of evidence that columns refer to a key: name, type, inclusion, cardinality.

Serial numbers of one table include those of every other, so inclusion alone says nothing: it counts
by how unlikely it is for values drawn from the parent's range. Names decide otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.db.infer_findings import Evidence
from hgl.db.infer_inclusion import Inclusion
from hgl.db.infer_profile import Profile
from hgl.db.infer_survey import WORTHY, Key, Survey
from hgl.db.infer_words import (
    GENERIC,
    MEASURES,
    PERSON_ACTS,
    PERSON_ROLES,
    PERSON_TABLES,
    SELF,
)
from hgl.db.names import Name, likeness, word_likeness


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
    if not own and home and home >= best.score:
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


def type_score(child: Profile, parent: Profile) -> float:
    """1 for types that compare, 0.7 for numbers beside text that holds numbers, else 0."""
    if child.family == parent.family:
        return 1.0
    text = child if child.family == "text" else parent
    both = {child.family, parent.family} == {"int", "text"}
    return 0.7 if both and (text.shape.numbers > 0.95 or not text.filled) else 0.0


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


def cardinality_evidence(keys: Sequence[Profile], found: Inclusion) -> Evidence:
    """Return how unlikely it is that values of the kind of `keys` are all keys by chance."""
    density = keys[0].density
    if len(keys) > 1:
        density = min(1.0, keys[0].rows / max(1, math.prod(max(1, p.distinct) for p in keys)))
    nats = -found.values_found * math.log(max(density, 1e-12))
    text = (
        f"{found.values:,} values, {keys[0].rows:,} keys; "
        f"a value of this kind is a key in {density:.0%} of cases"
    )
    return Evidence("cardinality", min(0.75, 1 - math.exp(-nats / 5)), text)


def looks_like_counts(values: Profile, target: Profile) -> bool:
    """Whether integers keep to the lowest twentieth of many keys, as counts and ranks do."""
    if values.family != "int" or target.family != "int" or not values.filled:
        return False
    span = int(target.greatest) - int(target.least)
    return span >= 100 and int(values.greatest) - int(target.least) < span / 20
