"""The place that a live database is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hgl.aggregates.live.instants import Rows, moment
from hgl.aggregates.live.needs import TableNeeds
from hgl.aggregates.live.place import (
    DialectName,
    KeyColumn,
    KeyKind,
    Link,
    Moment,
    Order,
    Place,
    Reading,
    TablePlace,
)
from hgl.aggregates.live.readings import Family, category, family, number
from hgl.aggregates.live.times import inherited_keys, own_time, unreadable
from hgl.aggregates.paths import foreign_key
from hgl.db.duck import literal
from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.db.source import Request
from hgl.db.sql import LiveDatabase
from hgl.db.stream import ReadColumn, TableRead
from hgl.errors import SchemaError

_KEY_KINDS: Mapping[Family, KeyKind] = {
    "integer": "integer",
    "float": "number",
    "boolean": "boolean",
}
_NUMBERS = ("integer", "unsigned", "decimal", "float")
_SMALL = ("pg_catalog.int2", "pg_catalog.int4")
_SQL_TYPES = (
    "SELECT a.attname, quote_ident(n.nspname) || '.' || quote_ident(t.typname) "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
    "WHERE a.attrelid = {}::regclass AND a.attnum > 0"
)


@dataclass(frozen=True)
class _Known(Request):
    """Asks for those of the tables in `include` that are still there."""

    def chosen(self, found: Sequence[str], source: str) -> list[str]:
        return sorted(set(found) & set(self.include or ()))


def read_tables(
    url: str, schema: Schema, sql_schema: str | None, views: Sequence[str]
) -> dict[str, TableRead]:
    """Return how the tables of `schema` that a live database still has are read."""
    wanted = [name for name in schema.tables if name not in views]
    request = _Known(include=wanted, views=views, sql_schema=sql_schema)
    return {t.name: t for t in LiveDatabase(url, request).reflect().tables}


def source_place(
    dialect: DialectName,
    rows: Rows,
    reads: Mapping[str, TableRead],
    schema: Schema,
    entity: str,
    needed: Mapping[str, TableNeeds],
) -> Place:
    """Return where and how a live database holds what a plan needs.

    Args:
        rows: runs a query on it.
        reads: its tables, from `read_tables`.
        schema: of the arranged copy.
        entity: the plan's entity table.
    Raises: SchemaError: a table cannot be read live; the message says why.
    """
    source = _Source(dialect, rows, reads, schema)
    tables = {name: source.table(name, wanted) for name, wanted in needed.items()}
    return Place(dialect, source.key(entity), tables)


class _Source:
    def __init__(
        self,
        dialect: DialectName,
        rows: Rows,
        reads: Mapping[str, TableRead],
        schema: Schema,
    ) -> None:
        self.dialect, self.rows, self.reads, self.schema = dialect, rows, reads, schema

    def table(self, name: str, wanted: TableNeeds) -> TablePlace:
        """Return how one table is read."""
        table, read = self.schema.table(name), self.reads[name]
        columns = {c.name: c for c in read.columns}
        quoted = {c.name: c.quoted for c in read.columns}
        fkeys = [foreign_key(self.schema, name, f) for f in sorted(wanted.fkeys)]
        inherited = inherited_keys(self.schema, table) if wanted.timed else ()
        fkeys += [f for f in inherited if f not in fkeys]
        return TablePlace(
            quoted=read.quoted,
            numbers={c: number(self.dialect, table, c, quoted[c]) for c in sorted(wanted.numbers)},
            texts={c: category(self.dialect, table, c, quoted[c]) for c in sorted(wanted.texts)},
            instants={c: self._instant(read, columns[c]) for c in sorted(wanted.instants)},
            links={f.name: self._link(table, f) for f in fkeys},
            time=self._time(table, read, columns) if wanted.timed and not inherited else None,
            inherited=tuple(f.name for f in inherited),
            order=self._order(table, columns),
        )

    def key(self, entity: str) -> tuple[KeyColumn, ...]:
        """Return the columns that name an entity. Raises: SchemaError: it has no primary key."""
        table, read = self.schema.table(entity), self.reads[entity]
        if not table.pkey:
            raise unreadable(entity, "it has no primary key that could name a row")
        columns = {c.name: c for c in read.columns}
        types: dict[str, str] = {}
        if self.dialect == "postgresql":
            types = dict(self.rows(_SQL_TYPES.format(literal(read.quoted))))
        return tuple(self._key_column(table, columns[name], types) for name in table.pkey)

    def _key_column(
        self, table: TableSchema, column: ReadColumn, types: Mapping[str, str]
    ) -> KeyColumn:
        held = family(table.column(column.name).type)
        kind = "bytes" if column.kind == "hex" else _KEY_KINDS.get(held, "text")
        sql_type = types.get(_unquoted(column.quoted), "")
        # Of any size: a number that is too large for the column names no row.
        sql_type = "bigint" if sql_type in _SMALL else sql_type
        return KeyColumn(column.name, column.quoted, kind, sql_type)

    def _time(
        self, table: TableSchema, read: TableRead, columns: Mapping[str, ReadColumn]
    ) -> Moment | None:
        """Return how the table's own time is read; None where it is static."""
        if (own := own_time(table)) is None:
            return None
        found = self._moment(read, columns[own])
        return dataclasses.replace(found, null_visible=table.null_times == "visible")

    def _moment(self, read: TableRead, column: ReadColumn) -> Moment:
        try:
            return moment(self.dialect, column.kind, self.rows, read.quoted, column.quoted)
        except SchemaError as error:
            raise unreadable(read.name, str(error)) from None

    def _instant(self, read: TableRead, column: ReadColumn) -> Reading:
        found = self._moment(read, column)
        return Reading(column.quoted, f"({found.ticks}) / 1000000.0")

    def _link(self, table: TableSchema, fkey: ForeignKey) -> Link:
        """Return a foreign key. Raises: SchemaError: its columns do not compare as they are."""
        own = {c.name: c for c in self.reads[table.name].columns}
        other = {c.name: c for c in self.reads[fkey.parent].columns}
        for column, key in zip(fkey.columns, fkey.parent_columns):
            kinds = {own[column].kind, other[key].kind}
            if len(kinds) > 1 and not kinds <= set(_NUMBERS):
                raise unreadable(
                    table.name,
                    f"{column} ({own[column].kind}) refers to {fkey.parent}.{key} "
                    f"({other[key].kind})",
                )
        return Link(
            tuple(own[c].quoted for c in fkey.columns),
            fkey.parent,
            tuple(other[c].quoted for c in fkey.parent_columns),
        )

    def _order(self, table: TableSchema, columns: Mapping[str, ReadColumn]) -> tuple[Order, ...]:
        """Return the order of rows at equal times: by primary key, then as they are stored."""
        nullable = bool(self.schema.defects.get(f"{table.name}: null primary key"))
        terms = [self._term(columns[c], nullable) for c in table.pkey]
        if not table.pkey or nullable:
            terms.append(Order(self._place_of_row(columns)))
        return tuple(terms)

    def _place_of_row(self, columns: Mapping[str, ReadColumn]) -> str:
        if self.dialect == "postgresql":
            return "ctid"
        taken = {_unquoted(c.quoted).lower() for c in columns.values()}
        return next(name for name in ("rowid", "_rowid_", "oid") if name not in taken)

    def _term(self, column: ReadColumn, nullable: bool) -> Order:
        if self.dialect == "sqlite":
            text = column.kind in ("text", "other", "date", "timestamp")
            return Order(column.quoted, "{} COLLATE BINARY" if text else "{}", nullable)
        text = column.kind in ("text", "other")
        return Order(column.quoted, '{}::text COLLATE "C"' if text else "{}", nullable)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
