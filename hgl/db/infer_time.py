"""When a row became known, where nobody said so. Early version: by name."""

from __future__ import annotations

import dataclasses

import duckdb

from hgl.db.duck import described, identifier
from hgl.db.infer_findings import Evidence, Finding
from hgl.db.schema import TableSchema
from hgl.db.types import is_instant

_GOOD = ("creat", "orderdate", "invoicedate", "hiredate")


def infer_time(
    connection: duckdb.DuckDBPyConnection, table: TableSchema
) -> tuple[TableSchema, list[Finding]]:
    """Return `table` with its time column chosen, and why. A declared one stays."""
    if table.time_col is not None:
        return table, []
    types = described(connection, identifier(table.name))
    for name, kind in types.items():
        bare = name.lower().replace("_", "")
        if bare in ("date", "timestamp", "timehour") or any(g in bare for g in _GOOD):
            if is_instant(kind) or kind == "VARCHAR":
                reason = f"{name} is named like the moment a row became known"
                finding = Finding(
                    "time",
                    table.name,
                    (name,),
                    "time column",
                    0.9,
                    (Evidence("name", 0.9, reason),),
                )
                return dataclasses.replace(table, time_col=name, time_reason=reason), [finding]
    reason = "no column tells when a row became known: static"
    finding = Finding("time", table.name, (), "static", 0.5)
    return dataclasses.replace(table, time_reason=reason), [finding]
