"""What a column's values mean, where nobody said so. Early version: by SQL type."""

from __future__ import annotations

import dataclasses

import duckdb

from hgl.db.duck import described, identifier
from hgl.db.infer_findings import Evidence, Finding
from hgl.db.schema import Column, TableSchema
from hgl.db.types import is_instant, is_number
from hgl.typing import Stype


def infer_columns(
    connection: duckdb.DuckDBPyConnection, table: TableSchema
) -> tuple[TableSchema, list[Finding]]:
    """Return `table` with every column's semantic type filled in, and why. Stated ones stay."""
    types = described(connection, identifier(table.name))
    columns, findings = [], []
    for column in table.columns:
        if column.stype is None:
            column = _decided(column, table, types[column.name])
            seen = (Evidence("type", 0.7, column.reason),)
            findings.append(
                Finding("stype", table.name, (column.name,), str(column.stype), 0.7, seen)
            )
        columns.append(column)
    return dataclasses.replace(table, columns=tuple(columns)), findings


def _decided(column: Column, table: TableSchema, kind: str) -> Column:
    stype: Stype
    if column.name == table.time_col or is_instant(kind):
        stype = "timestamp"
    elif column.name in table.key_columns or kind == "BLOB":
        stype = "ignored"
    elif kind == "BOOLEAN":
        stype = "boolean"
    else:
        stype = "numerical" if is_number(kind) else "categorical"
    return dataclasses.replace(column, stype=stype, reason=f"stored as {kind}")
