"""Where the foreign keys of a source and of an anchor lead."""

from __future__ import annotations

from hgl.aggregates.feature import Anchor, Source
from hgl.db.schema import ForeignKey, Schema
from hgl.errors import SchemaError


def foreign_key(schema: Schema, table: str, name: str) -> ForeignKey:
    """Return a foreign key by its name. Raises: SchemaError: there is no such table or key."""
    fkeys = schema.table(table).fkeys
    for fkey in fkeys:
        if fkey.name == name:
            return fkey
    known = ", ".join(f.name for f in fkeys) or "none"
    raise SchemaError(f"foreign key {name!r} is not in table {table!r}; it has: {known}")


def path_keys(schema: Schema, source: Source) -> tuple[ForeignKey, ...]:
    """Return the foreign keys along a source's path, upwards. Raises: SchemaError: one is absent.

    The table that holds the key at position i is the source's for 0, else the parent of key i - 1.
    """
    found: list[ForeignKey] = []
    for name in source.path:
        found.append(foreign_key(schema, found[-1].parent if found else source.table, name))
    return tuple(found)


def tables_below(schema: Schema, source: Source) -> tuple[str, ...]:
    """Return the tables whose rows must be known: the source's, then those along its path."""
    return (source.table, *(f.parent for f in path_keys(schema, source)[:-1]))


def is_timed(schema: Schema, source: Source) -> bool:
    """Whether the rows of a source become known at some time; else they always are."""
    return any(schema.table(t).time_col is not None for t in tables_below(schema, source))


def anchor_table(schema: Schema, entity_table: str, anchor: Anchor) -> str:
    """Return the table that anchors are rows of. Raises: SchemaError: a key is absent."""
    if anchor.fkey is None:
        return entity_table
    holder = anchor.via.table if anchor.via else entity_table
    return foreign_key(schema, holder, anchor.fkey).parent
