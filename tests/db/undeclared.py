"""Small tables in DuckDB about which nothing is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from hgl.db.duck import connect, described, identifier
from hgl.db.schema import Column, TableSchema

Values = Mapping[str, Sequence[Any] | pa.Array]


def opened(
    tables: Mapping[str, Values],
) -> tuple[duckdb.DuckDBPyConnection, dict[str, TableSchema]]:
    """Return a connection with one view per table, and the tables' schemas without any key."""
    connection, schemas = connect(), {}
    for name, columns in tables.items():
        connection.register(f"{name} as given", pa.table(dict(columns)))
        view = identifier(name)
        connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {identifier(f'{name} as given')}")
        kinds = described(connection, view)
        rows = len(next(iter(columns.values())))
        schemas[name] = TableSchema(
            name, tuple(Column(c, kind) for c, kind in kinds.items()), num_rows=rows
        )
    return connection, schemas


def opened_table(name: str, columns: Values) -> tuple[duckdb.DuckDBPyConnection, TableSchema]:
    """Return a connection with one view, and its schema."""
    connection, schemas = opened({name: columns})
    return connection, schemas[name]
