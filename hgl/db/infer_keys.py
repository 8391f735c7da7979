"""Primary and foreign keys that nobody declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import duckdb

from hgl.db.infer_composite import composite_references
from hgl.db.infer_findings import Finding
from hgl.db.infer_identity import identity
from hgl.db.infer_profile import Profiles
from hgl.db.infer_references import Reference, references
from hgl.db.infer_survey import Key, survey
from hgl.db.schema import ForeignKey, TableSchema


def infer_keys(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, TableSchema],
    known: Profiles | None = None,
) -> tuple[dict[str, TableSchema], list[Finding]]:
    """Fill in the primary and foreign keys that `tables` do not declare.

    Args:
        connection: holds one view per table, with its columns.
        tables: what is declared stays, and no column of a declared foreign key gets another.
        known: profiles made earlier; new ones are added.
    Returns: the tables, and a finding for each key filled in. A foreign key's `row_col` is its
        name and `_row`; the column itself is for ingest to write.
    """
    surveys = survey(connection, tables, known)
    found = references(connection, surveys)
    keys: dict[str, Key] = {}
    for name, table in surveys.items():
        declared = table.schema.pkey
        key = Key(name, declared, 1.0) if declared else identity(connection, table, found)
        if key is not None:
            keys[name] = key
    found = [r for r in found if not _part_of(r.parent, keys.get(r.parent.table))]
    found += composite_references(connection, surveys, keys)
    keyed = {
        name: _filled(table, keys.get(name), [r for r in found if r.child == name])
        for name, table in tables.items()
    }
    findings = [_primary(k) for n, k in keys.items() if not tables[n].pkey]
    return keyed, findings + [_foreign(r) for r in found]


def _part_of(key: Key, chosen: Key | None) -> bool:
    """Whether a column is distinct by accident: its table's key needs it and others."""
    return chosen is not None and {*key.columns} < {*chosen.columns}


def _filled(table: TableSchema, key: Key | None, found: Iterable[Reference]) -> TableSchema:
    fkeys = list(table.fkeys)
    order = [c.name for c in table.columns]
    for reference in sorted(found, key=lambda r: [order.index(c) for c in r.columns]):
        name = "_".join(reference.columns)
        while any(name == f.name for f in fkeys):
            name += "_"
        parent = reference.parent
        fkeys.append(
            ForeignKey(name, reference.columns, parent.table, parent.columns, f"{name}_row")
        )
    pkey = key.columns if key is not None else table.pkey
    return dataclasses.replace(table, pkey=pkey, fkeys=tuple(fkeys))


def _primary(key: Key) -> Finding:
    return Finding("pkey", key.table, key.columns, "primary key", min(1.0, key.score), key.evidence)


def _foreign(reference: Reference) -> Finding:
    parent = reference.parent
    decision = f"foreign key to {parent.table}({', '.join(parent.columns)})"
    return Finding(
        "fkey", reference.child, reference.columns, decision, reference.score, reference.evidence
    )
