"""Where rows about an entity are: one or two foreign keys away."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.aggregates.feature import Anchor, Source
from hgl.aggregates.paths import is_timed
from hgl.db.schema import Schema


def children(schema: Schema, table: str) -> list[Source]:
    """Return the rows that refer to a row of `table`, by every foreign key; its own rows, too."""
    return [
        Source(child.name, (fkey.name,))
        for child in schema.tables.values()
        for fkey in child.fkeys
        if fkey.parent == table
    ]


def below(schema: Schema, entity_table: str) -> list[Source]:
    """Return the rows that refer to a row that refers to the entity; entities are neither."""
    return [
        Source(grandchild.table, (*grandchild.path, *child.path))
        for child in children(schema, entity_table)
        if child.table != entity_table
        for grandchild in children(schema, child.table)
        if grandchild.table != entity_table
    ]


def across(schema: Schema, entity_table: str) -> list[tuple[Anchor, Source]]:
    """Return the rows under a parent of the entity, or of the latest row that refers to it.

    Entities are neither the parent nor those rows; what refers to the entity has to be timed.
    """
    return [
        (anchor, source)
        for anchor, parent in parents(schema, entity_table)
        if parent != entity_table
        for source in children(schema, parent)
        if source.table != entity_table
    ]


def parents(schema: Schema, entity_table: str) -> Iterator[tuple[Anchor, str]]:
    """Yield the tables that the entity names a row of, or that the latest row about it does."""
    for fkey in schema.table(entity_table).fkeys:
        yield Anchor(None, fkey.name), fkey.parent
    for via in children(schema, entity_table):
        if via.table == entity_table or not is_timed(schema, via):
            continue
        for fkey in schema.table(via.table).fkeys:
            if fkey.name not in via.path:
                yield Anchor(via, fkey.name), fkey.parent
