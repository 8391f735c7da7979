"""What SQLAlchemy's inspector says, as tables to read and keys to keep."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hgl.db.clock import free_name
from hgl.db.dialects import Kind
from hgl.db.schema import ForeignKey, TableSchema
from hgl.db.stream import ReadColumn, TableRead

log = logging.getLogger(__name__)

Described = Sequence[Mapping[str, Any]]
"""Columns or foreign keys of one table, as the inspector returns them."""

_INT64_DIGITS = 18
_KINDS: Mapping[str, Kind] = {
    "Boolean": "boolean",
    "Integer": "integer",
    "YEAR": "integer",
    "OID": "integer",
    "BIT": "bits",
    "Float": "float",
    "Numeric": "decimal",
    "MONEY": "decimal",
    "DateTime": "timestamp",
    "Date": "date",
    "String": "text",
    "_Binary": "blob",
}
"""By the name of a SQLAlchemy type or the nearest of its bases."""


def kind_of(sql_type: Any, dialect: str) -> Kind:
    """Return what a column of a reflected SQLAlchemy type holds."""
    if hasattr(sql_type, "data_type"):  # a PostgreSQL domain
        return kind_of(sql_type.data_type, dialect)
    bases = [base.__name__ for base in type(sql_type).__mro__]
    if "NullType" in bases:
        return "untyped" if dialect == "sqlite" else "other"
    kind: Kind = next((_KINDS[base] for base in bases if base in _KINDS), "other")
    if kind == "timestamp" and getattr(sql_type, "timezone", False):
        return "timestamptz"
    if kind == "integer" and getattr(sql_type, "unsigned", False):
        return "unsigned"
    if kind == "bits" and hasattr(sql_type, "varying"):  # PostgreSQL's are strings of bits
        return "other"
    if kind == "decimal" and getattr(sql_type, "scale", None) == 0:
        return "integer" if (sql_type.precision or 99) <= _INT64_DIGITS else "decimal"
    return kind


class Names:
    """Stored names of one table's columns; unique even where case does not count.

    Args:
        columns: as the inspector returns them.
    """

    def __init__(self, columns: Described) -> None:
        self._stored: dict[str, str] = {}
        for column in columns:
            name = column["name"]
            self._stored[name] = free_name(name, self._stored.values())

    def __getitem__(self, source: str) -> str:
        return self._stored[source]

    def key(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """Return the stored names of a key, its case forgiven; None when a column is unknown."""
        lowered = {source.lower(): stored for source, stored in self._stored.items()}
        found = [self._stored.get(c, lowered.get(c.lower())) for c in columns]
        return None if None in found else tuple(str(c) for c in found)


def table_read(
    name: str,
    quoted: str,
    columns: Described,
    keys: frozenset[str],
    quote: Callable[[str], str],
    dialect: str,
) -> tuple[TableRead, list[str]]:
    """Return how to read a table, and the columns left out because they hold blobs.

    Args:
        keys: columns that belong to a key; binary ones are read as hexadecimal text.
    """
    names = Names(columns)
    read, blobs = [], []
    for column in columns:
        stored, kind = names[column["name"]], kind_of(column["type"], dialect)
        if kind == "blob" and stored in keys:
            kind = "hex"
        if kind == "blob":
            blobs.append(stored)
        else:
            read.append(ReadColumn(stored, quote(column["name"]), kind))
    return TableRead(name, quoted, tuple(read)), blobs


def declared(
    name: str,
    schema: str | None,
    pkey: Mapping[str, Any],
    fkeys: Described,
    names: Mapping[str, Names],
) -> TableSchema:
    """Return a table with the keys it declares, in the order of their columns.

    A foreign key to a table that is not read is dropped, and said so.

    Args:
        schema: the schema that is read, None for the connection's own.
        names: of every table that is read.
    """
    found = []
    for fkey in fkeys:
        near = fkey["referred_schema"] == schema
        parent = _parent(fkey["referred_table"], names) if near else None
        columns = names[name].key(fkey["constrained_columns"])
        keys = names[parent].key(fkey["referred_columns"]) if parent else None
        if parent and columns and keys and len(columns) == len(keys):
            label = columns[0] if len(columns) == 1 else fkey["name"] or "_".join(columns)
            found.append(ForeignKey(label, columns, parent, keys, row_col=""))
        else:
            log.warning("%s: foreign key to %s left out", name, fkey["referred_table"])
    own = names[name].key(pkey.get("constrained_columns") or ()) or ()
    return TableSchema(name, (), pkey=own, fkeys=_distinct(found))


def key_columns(tables: Mapping[str, TableSchema]) -> dict[str, frozenset[str]]:
    """Return each table's columns that belong to a key, its own or one that refers to it."""
    keys = {name: {*table.pkey} for name, table in tables.items()}
    for name, table in tables.items():
        for fkey in table.fkeys:
            keys[name].update(fkey.columns)
            keys[fkey.parent].update(fkey.parent_columns)
    return {name: frozenset(columns) for name, columns in keys.items()}


def _parent(referred: str, names: Mapping[str, Names]) -> str | None:
    """Return the table read that `referred` means; SQLite and MySQL may spell its case freely."""
    if referred in names:
        return referred
    return next((name for name in names if name.lower() == referred.lower()), None)


def _distinct(fkeys: Sequence[ForeignKey]) -> tuple[ForeignKey, ...]:
    """Return foreign keys in a fixed order, each under a name of its own."""
    named: dict[str, ForeignKey] = {}
    for fkey in sorted(fkeys, key=lambda f: (f.columns, f.parent, f.parent_columns)):
        taken = fkey.name if fkey.name not in named else f"{fkey.name}_{fkey.parent}"
        label = free_name(taken, named)
        named[label] = ForeignKey(label, fkey.columns, fkey.parent, fkey.parent_columns, "")
    return tuple(named.values())
