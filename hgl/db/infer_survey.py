"""A table as key inference sees it: names taken apart, columns profiled, candidate keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from hgl.db.infer_findings import Evidence
from hgl.db.infer_profile import Profile, Profiles, is_unique, profile
from hgl.db.infer_words import CODES, LINKS, MEASURES
from hgl.db.names import Name, likeness, parse, parse_tables, vocabulary_of
from hgl.db.schema import TableSchema

LONGEST_KEY = 64
"""Characters beyond which text is no key."""
WORTHY = 0.5
"""Name score from which a unique column may be referred to under its own name."""


@dataclass(frozen=True)
class Key:
    """Columns that tell the rows of a table apart, and how much they look like its key.

    Attributes:
        score: how well names and positions speak for it, 0 to 1; uniqueness is given.
    """

    table: str
    columns: tuple[str, ...]
    score: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Survey:
    """One table.

    Attributes:
        name: the table's, taken apart.
        columns: profiles by column.
        names: column names taken apart.
        keys: single columns that are unique and never null, best first; a declared one leads.
    """

    schema: TableSchema
    name: Name
    columns: Mapping[str, Profile]
    names: Mapping[str, Name]
    keys: tuple[Key, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return next((p.rows for p in self.columns.values()), 0)

    def key_of(self, column: str) -> Key | None:
        """Return the candidate key that is `column` alone."""
        return next((k for k in self.keys if k.columns == (column,)), None)


def survey(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, TableSchema],
    known: Profiles | None = None,
) -> dict[str, Survey]:
    """Profile every table (or take what is `known`) and find its single-column candidate keys."""
    vocabulary = vocabulary_of(tables, {c.name for t in tables.values() for c in t.columns})
    called = parse_tables(tables, vocabulary)
    found = {}
    for table in tables.values():
        profiles = profile(connection, table.name, known)
        own = [c.name for c in table.columns if c.name in profiles]
        name = called[table.name]
        names = {c: parse(c, vocabulary) for c in own}
        columns = {c: profiles[c] for c in own}
        keys = _keys(connection, Survey(table, name, columns, names))
        found[table.name] = Survey(table, name, columns, names, keys)
    return found


def keyable(column: Profile) -> bool:
    """Whether a column's values could identify something."""
    return column.family == "int" or (
        column.family == "text" and column.shape.length <= LONGEST_KEY
    )


def _keys(connection: duckdb.DuckDBPyConnection, table: Survey) -> tuple[Key, ...]:
    declared = table.schema.pkey
    found = []
    if len(declared) == 1:
        found.append(Key(table.schema.name, declared, 1.0, (Evidence("name", 1.0, "declared"),)))
    for position, (column, values) in enumerate(table.columns.items()):
        if (column,) == declared or not keyable(values):
            continue
        named = key_name_evidence(table.names[column], table.name, position)
        if not named.score or values.filled < values.rows or not values.may_be_unique:
            continue
        if is_unique(connection, table.schema.name, [values]):
            typed = Evidence("type", 1.0, values.kind)
            said = f"{values.rows:,} rows, all different" if values.rows else "no rows, so unknown"
            counted = Evidence("cardinality", 1.0 if values.rows else 0.5, said)
            found.append(Key(table.schema.name, (column,), named.score, (named, typed, counted)))
    return tuple(sorted(found, key=lambda k: (k.columns != declared, -k.score)))


def is_surrogate(key: Key, tables: Mapping[str, Survey]) -> bool:
    """Whether the key is a serial number called as those of other tables: `row_id` in each."""
    name = tables[key.table].names[key.columns[0]]
    alike = [
        t
        for t in tables.values()
        for k in t.keys
        if t.names[k.columns[0]].words == name.words and _is_serial(t.columns[k.columns[0]])
    ]
    return len(alike) > 1 and not any(likeness(name.entity, t.name.entity) for t in alike)


def _is_serial(column: Profile) -> bool:
    return column.family == "int" and column.filled > 0 and column.density > 0.99


def key_name_evidence(column: Name, table: Name, position: int) -> Evidence:
    """Return how much a column's name and position make it look like the key of `table`."""
    first = position == 0
    named_for = likeness(column.entity, table.entity)
    if column.mark in LINKS:
        return Evidence("name", 0.0, "points at something else")
    if column.identifies:
        if not column.entity or named_for == 1.0:
            return Evidence("name", 1.0, "named as this table's identifier")
        if named_for or {*column.entity} & {*table.entity}:
            return Evidence("name", 0.9, "an identifier named much like this table")
        return Evidence("name", 0.75 if first else 0.6, "an identifier" + ", first" * first)
    if column.mark in CODES and column.entity and named_for == 1.0:
        return Evidence("name", 0.9, "this table's code")
    if column.entity == table.entity:
        return Evidence("name", 0.6, "called as this table is")
    if column.words and column.words[-1] in MEASURES:
        return Evidence("name", 0.3 * first, "called as content is" + ", but first" * first)
    if column.mark in CODES:
        return Evidence("name", 0.6 if first else 0.45, "a code" + ", first" * first)
    return Evidence("name", 0.55 * first, "the first column" if first else "not an identifier")
