"""What a live database no longer is, though a plan needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hgl.aggregates.live.needs import TableNeeds
from hgl.aggregates.live.readings import Family, family
from hgl.aggregates.live.times import inherited_keys, own_time
from hgl.aggregates.paths import foreign_key
from hgl.db.dialects import Kind
from hgl.db.schema import Schema
from hgl.db.stream import TableRead

_HELD: Mapping[Kind, tuple[Family, ...]] = {
    "boolean": ("boolean",),
    "integer": ("integer",),
    "unsigned": ("integer",),
    "bits": ("integer",),
    "decimal": ("float", "integer"),
    "float": ("float",),
    "date": ("instant",),
    "timestamp": ("instant",),
    "timestamptz": ("instant",),
    "text": ("text", "instant"),
    "other": ("text",),
    "hex": ("text",),
}
_DECLARED_ONLY: Mapping[Kind, tuple[Family, ...]] = {
    "integer": ("float", "text"),
    "decimal": ("text",),
    "float": ("text",),
}
"""What an SQLite column may hold besides: its values decide, when a copy is made."""


def changes(
    schema: Schema,
    entity: str,
    needed: Mapping[str, TableNeeds],
    reads: Mapping[str, TableRead],
    dialect: str,
) -> list[str]:
    """Return, for people, what of the arranged copy's `schema` a live database lacks or changed.

    Args:
        reads: its tables.
    """
    found = []
    for name, columns in source_columns(schema, entity, needed).items():
        if name not in reads:
            found.append(f"table {name!r} is gone")
            continue
        kinds = {c.name: c.kind for c in reads[name].columns}
        for column in columns:
            if column not in kinds:
                found.append(f"column {column!r} of table {name!r} is gone")
                continue
            kept, kind = schema.table(name).column(column).type, kinds[column]
            if kind != "untyped" and family(kept) not in _families(kind, dialect):
                found.append(f"column {column!r} of table {name!r} was {kept}, now holds {kind}")
    return found


def source_columns(
    schema: Schema, entity: str, needed: Mapping[str, TableNeeds]
) -> dict[str, list[str]]:
    """Return the columns of a source that a plan needs, by table."""
    found: dict[str, set[str]] = {name: set() for name in needed}
    found[entity] |= {*schema.table(entity).pkey}
    for name, column in _needed_columns(schema, needed):
        found[name].add(column)
    return {name: sorted(columns) for name, columns in found.items()}


def _needed_columns(schema: Schema, needed: Mapping[str, TableNeeds]) -> Iterator[tuple[str, str]]:
    for name, wanted in needed.items():
        table = schema.table(name)
        yield from ((name, c) for c in (*wanted.columns, *table.pkey))
        if wanted.timed and (time := own_time(table)):
            yield name, time
        fkeys = [foreign_key(schema, name, f) for f in wanted.fkeys]
        for fkey in (*fkeys, *(inherited_keys(schema, table) if wanted.timed else ())):
            yield from ((name, c) for c in fkey.columns)
            yield from ((fkey.parent, c) for c in fkey.parent_columns)


def _families(kind: Kind, dialect: str) -> tuple[Family, ...]:
    more = _DECLARED_ONLY.get(kind, ()) if dialect == "sqlite" else ()
    return (*_HELD.get(kind, ()), *more)
