"""The order rows are stored in, and the row positions that foreign keys are turned into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from hgl.db.clock import clocked
from hgl.db.duck import described, identifier, names
from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.db.types import is_number
from hgl.errors import SchemaError

_EXAMPLES = 5
_SOURCE_ORDER = identifier("hgl:source order")


class RowOrder:
    """Rows sorted by time (nulls last), then primary key, or source order where there is none.

    Works on the views `clocked.<table>`. Positions of a referenced key are a temporary table
    `positions.p<n>(k0, k1, ..., row, time)` with one line per parent row.

    Args:
        unit: DuckDB type of every time.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: Schema, unit: str) -> None:
        self.connection = connection
        self.schema = schema
        self.unit = unit
        self.inherited: dict[str, tuple[ForeignKey, ...]] = {}
        self.null_keys = {t.name: self._null_keys(t) for t in schema.tables.values() if t.pkey}
        self._positions: dict[tuple[str, tuple[str, ...]], str] = {}
        connection.execute("CREATE SCHEMA positions")

    def check_unique(self, table: TableSchema, key: Sequence[str]) -> None:
        """Raise SchemaError with five examples when two rows share a non-null `key`."""
        columns = names(key)
        present = " AND ".join(f"{identifier(c)} IS NOT NULL" for c in key)
        found = self.connection.execute(
            f"SELECT {columns}, count(*) AS n FROM {clocked(table.name)} WHERE {present} "
            f"GROUP BY {columns} HAVING n > 1 ORDER BY n DESC, {columns} LIMIT {_EXAMPLES}"
        ).fetchall()
        if found:
            examples = "; ".join(f"{_shown(values)} in {n} rows" for *values, n in found)
            raise SchemaError(
                f"table {table.name!r}: key ({', '.join(key)}) is not unique, for example "
                f"{examples}; correct the data or state another pkey in the manifest"
            )

    def relation(self, table: TableSchema, fkeys: Sequence[ForeignKey]) -> str:
        """Return a FROM clause: `child` joined with the positions `p0`, `p1`, ... of `fkeys`."""
        rows = f"(SELECT *, row_number() OVER () AS {_SOURCE_ORDER} FROM {clocked(table.name)})"
        clause = f"{clocked(table.name) if self._is_total(table) else rows} child"
        for i, fkey in enumerate(fkeys):
            positions = self.positions(fkey)
            keys = (self._matches(table, fkey, n, f"p{i}.k{n}") for n in range(len(fkey.columns)))
            clause += f" LEFT JOIN {positions} p{i} ON {' AND '.join(keys)}"
        return clause

    def time(self, table: TableSchema) -> str | None:
        """Return the SQL expression of a row's time in `relation`; None for a static table.

        Inherited: the latest of the parents' times; null when one of them is unknown.
        """
        if table.name in self.inherited:
            times = (f"p{i}.time" for i in range(len(self.inherited[table.name])))
            latest = f"greatest({', '.join(times)})"
            return f"CASE WHEN isfinite({latest}) THEN {latest} END"
        return f"child.{identifier(table.time_col)}" if table.time_col else None

    def sort_key(self, table: TableSchema) -> str:
        """Return the ORDER BY list of `table` in `relation`."""
        time = self.time(table)
        parts = [f"{time} NULLS LAST"] if time else []
        parts += [f"child.{identifier(c)}" for c in table.pkey]
        return ", ".join(parts if self._is_total(table) else [*parts, f"child.{_SOURCE_ORDER}"])

    def positions(self, fkey: ForeignKey) -> str:
        """Return the temporary table of the parent key that `fkey` refers to, made on first use.

        Raises: SchemaError: the parent's key is not unique.
        """
        key = (fkey.parent, fkey.parent_columns)
        if key not in self._positions:
            parent = self.schema.table(fkey.parent)
            self.check_unique(parent, fkey.parent_columns)
            self._positions[key] = name = f"positions.p{len(self._positions)}"
            self._make_positions(name, parent, fkey.parent_columns)
        return self._positions[key]

    def _null_keys(self, table: TableSchema) -> int:
        """Return the number of rows whose primary key is null in some column."""
        absent = " OR ".join(f"{identifier(c)} IS NULL" for c in table.pkey)
        query = f"SELECT count(*) FROM {clocked(table.name)} WHERE {absent}"
        (count,) = self.connection.execute(query).fetchone() or (0,)
        return int(count)

    def _is_total(self, table: TableSchema) -> bool:
        """Whether time and primary key alone put the rows in one order."""
        return self.null_keys.get(table.name) == 0

    def _make_positions(self, name: str, parent: TableSchema, columns: Sequence[str]) -> None:
        """Create the positions of `columns`; an unknown time is infinity: later than any other."""
        keys = (f"child.{identifier(c)} AS k{n}" for n, c in enumerate(columns))
        time = f"NULL::{self.unit}"
        if own := self.time(parent):
            unknown = "-infinity" if parent.null_times == "visible" else "infinity"
            time = f"coalesce({own}, '{unknown}'::{self.unit})"
        self.connection.execute(
            f"CREATE TABLE {name} AS SELECT {', '.join(keys)}, {time} AS time, "
            f"row_number() OVER (ORDER BY {self.sort_key(parent)}) - 1 AS row "
            f"FROM {self.relation(parent, self.inherited.get(parent.name, ()))}"
        )

    def _matches(self, table: TableSchema, fkey: ForeignKey, n: int, key: str) -> str:
        """Return the condition that column `n` of `fkey` equals the parent's `key`."""
        kinds = described(self.connection, clocked(table.name))
        parent_kinds = described(self.connection, clocked(fkey.parent))
        own, other = kinds[fkey.columns[n]], parent_kinds[fkey.parent_columns[n]]
        column = f"child.{identifier(fkey.columns[n])}"
        if own == other or (is_number(own) and is_number(other)):
            return f"{column} = {key}"
        if own == "DOUBLE":  # pandas' whole numbers with nulls: 1.0 is written "1"
            column = f"CASE WHEN {column} = trunc({column}) THEN TRY_CAST({column} AS BIGINT) END"
        return f"TRY_CAST({column} AS {other}) = {key}"


def _shown(values: Sequence[object]) -> str:
    return "(" + ", ".join(map(repr, values)) + ")" if len(values) > 1 else repr(values[0])


def parents_first(schema: Schema, pending: Mapping[str, object]) -> str:
    """Return the pending table whose parents are all decided, or the first one in a cycle."""
    for name in pending:
        parents = {f.parent for f in schema.table(name).fkeys} - {name}
        if not parents & pending.keys():
            return name
    return next(iter(pending))
