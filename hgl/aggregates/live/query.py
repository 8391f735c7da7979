"""The SQL of one seed's columns: readable, the same text for the same plan and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hgl.aggregates.feature import Feature
from hgl.aggregates.live.clock import equal
from hgl.aggregates.live.parts import Part, Parts, comment
from hgl.aggregates.live.place import Place
from hgl.aggregates.plan import FeaturePlan

_NUMBER, _TEXT = "double precision", "text"


@dataclass(frozen=True)
class Query:
    """A statement that returns one row per part: its number, numbers, then texts.

    Parts instead of one wide row, because SQLite writes all but one of the rows it joins to a
    temporary table first. A known entity has a row of every part, any other none of part 0.

    Attributes:
        numbers, texts: per part, the features its row begins with; nulls fill the rest.
    """

    text: str
    numbers: tuple[tuple[Feature, ...], ...]
    texts: tuple[tuple[Feature, ...], ...]

    @property
    def width(self) -> int:
        """Numbers in every row."""
        return max(map(len, self.numbers))


def query(place: Place, plan: FeaturePlan) -> Query:
    """Return the statement of one seed.

    Parameters are `:key_0`, ..., `:limit`, `:time` in SQLite and `$1`, ... in the same order in
    PostgreSQL; limit and time are seconds.
    """
    names, types = _parameters(place)
    if place.dialect == "sqlite":
        seed = {name: f":{name}" for name in names}
    else:
        numbered = enumerate(zip(names, types), 1)
        seed = {name: f"CAST(${i} AS {kind})" for i, (name, kind) in numbered}
    return _query(place, plan, seed, "{}\n")


def query_many(place: Place, plan: FeaturePlan) -> Query:
    """Return PostgreSQL's statement of many seeds: parameters are arrays; first comes which."""
    names, types = _parameters(place)
    arrays = ", ".join(f"CAST(${i} AS {kind}[])" for i, kind in enumerate(types, 1))
    columns = ", ".join(f'"{name}"' for name in (*names, "number"))
    around = (
        f"SELECT seed.number, found.*\nFROM unnest({arrays}) WITH ORDINALITY AS seed ({columns})\n"
        "CROSS JOIN LATERAL (\n{}\n) found\n"
    )
    return _query(place, plan, {name: f'seed."{name}"' for name in names}, around)


def known_query(place: Place, plan: FeaturePlan) -> str:
    """Return the statement that returns a row for a known entity; parameters are its keys."""
    if place.dialect == "sqlite":
        values = [f":key_{i}" for i in range(len(place.key))]
    else:
        values = [f"CAST(${i} AS {k.sql_type})" for i, k in enumerate(place.key, 1)]
    keys = equal("e", [k.quoted for k in place.key], values)
    return f"SELECT 1 FROM {place.tables[plan.entity_table].quoted} e WHERE {keys}"


def _parameters(place: Place) -> tuple[list[str], list[str]]:
    """Names, and PostgreSQL's types."""
    names = [f"key_{i}" for i in range(len(place.key))]
    return [*names, "limit", "time"], [*(k.sql_type for k in place.key), "bigint", "bigint"]


def _query(place: Place, plan: FeaturePlan, seed: Mapping[str, str], around: str) -> Query:
    parts = Parts(place, plan, seed)
    texts = [tuple(f for f in part.answers if _is_text(place, plan, f)) for part in parts.parts]
    numbers = [
        tuple(f for f in part.answers if f not in held) for part, held in zip(parts.parts, texts)
    ]
    sizes = max(map(len, numbers)), max(map(len, texts))
    selects = [
        _select(i, part, (numbers[i], texts[i]), sizes) for i, part in enumerate(parts.parts)
    ]
    named = ",\n".join(f"{name} AS (\n{body}\n)" for name, body in parts.named.items())
    given = f"WITH {named}\n" if named else ""
    body = given + "\nUNION ALL ".join(selects)
    text = _head(place, plan) + around.replace("{}", body, 1)
    return Query(text, tuple(numbers), tuple(texts))


def _is_text(place: Place, plan: FeaturePlan, feature: Feature) -> bool:
    table = place.tables[feature.source.table if feature.source else plan.entity_table]
    return feature.categorical and table.texts[str(feature.column)].kind == "text"


def _head(place: Place, plan: FeaturePlan) -> str:
    named = ", ".join(comment(k.name) for k in place.key)
    limit = "time - 1" if plan.cut == "strict" else "time"
    return (
        f"-- {comment(plan.entity_table)} by {named}; limit = {limit}, seconds since the epoch.\n"
        "-- One row per part: its number, its columns as named below, nulls. Part 0: the entity.\n"
    )


def _select(
    number: int, part: Part, features: Sequence[Sequence[Feature]], sizes: Sequence[int]
) -> str:
    """SQL of one part; the first one says the types of all."""
    lines = [f"SELECT {number} AS part"]
    for held, size, kind in zip(features, sizes, (_NUMBER, _TEXT)):
        for feature in held:
            sql = part.answers[feature]
            sql = sql if number else f"CAST({sql} AS {kind})"
            lines.append(f"{sql}  -- {comment(feature.name)}")
        if size > len(held):
            null = "NULL" if number else f"CAST(NULL AS {kind})"
            lines.append(", ".join([null] * (size - len(held))))
    return "\n  , ".join(lines) + f"\n{part.rows}"
