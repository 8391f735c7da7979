"""Primary and foreign keys that nobody declared. Early version: same names only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import duckdb

from hgl.db.duck import identifier
from hgl.db.infer_findings import Evidence, Finding
from hgl.db.schema import ForeignKey, TableSchema


def infer_keys(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, TableSchema]
) -> tuple[Mapping[str, TableSchema], list[Finding]]:
    """Return `tables` with undeclared primary and foreign keys filled in, and why.

    Declared keys stay. The connection has one view per table.
    """
    findings: list[Finding] = []
    keyed: dict[str, TableSchema] = {}
    for table in tables.values():
        pkey = table.pkey or _pkey(connection, table)
        if pkey and not table.pkey:
            seen = Evidence("cardinality", 1.0, "unique and never null")
            findings.append(Finding("pkey", table.name, pkey, "primary key", 0.9, (seen,)))
        keyed[table.name] = dataclasses.replace(table, pkey=pkey)
    parents = {t.pkey: t.name for t in keyed.values() if len(t.pkey) == 1}
    for table in tables.values():
        found = [
            ForeignKey(c.name, (c.name,), parents[(c.name,)], (c.name,), f"{c.name}_row")
            for c in table.columns
            if parents.get((c.name,), table.name) != table.name
            and not any(c.name in f.columns for f in table.fkeys)
        ]
        for fkey in found:
            seen = Evidence("name", 1.0, "same name as the key")
            decision = f"foreign key to {fkey.parent}({fkey.parent_columns[0]})"
            findings.append(Finding("fkey", table.name, fkey.columns, decision, 0.9, (seen,)))
        keyed[table.name] = dataclasses.replace(keyed[table.name], fkeys=table.fkeys + tuple(found))
    return keyed, findings


def _pkey(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> tuple[str, ...]:
    for column in table.columns:
        if column.name.lower().endswith("id"):
            name = identifier(column.name)
            row = connection.execute(
                f"SELECT count(*), count(DISTINCT {name}) FROM {identifier(table.name)}"
            ).fetchone()
            if row and row[0] == row[1]:
                return (column.name,)
    return ()
