"""From what a source declares to a complete schema: stated first, declared next, else inferred."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

import duckdb

from hgl.db.infer import Finding, infer_columns, infer_keys, infer_time, report
from hgl.db.infer_profile import Profiles
from hgl.db.overrides import Overrides, apply_keys, apply_stypes
from hgl.db.raw import Raw
from hgl.db.schema import Schema, TableSchema

log = logging.getLogger(__name__)


def complete(
    connection: duckdb.DuckDBPyConnection, raw: Raw, overrides: Overrides
) -> tuple[Schema, list[str]]:
    """Return the schema of `raw` with every key, time column and semantic type decided.

    Args:
        connection: holds one view per table.
    Returns: the schema, and one line for people per thing inferred.
    Raises: SchemaError: an override names something that does not exist.
    """
    schema = apply_keys(raw.schema, overrides)
    known: Profiles = {}
    tables, findings = _keyed(connection, schema.tables, overrides, raw.fkeys_declared, known)
    finished = {}
    for name, table in tables.items():
        if "time_col" not in overrides.get(name, {}):
            table, found = infer_time(connection, table, known)
            findings += found
        finished[name], found = infer_columns(connection, apply_stypes(table, overrides), known)
        findings += found
    for line in report(f for f in findings if f.kind != "stype"):  # columns keep their reasons
        log.info("inferred %s", line)
    return dataclasses.replace(schema, tables=finished), report(findings)


def _keyed(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, TableSchema],
    overrides: Overrides,
    fkeys_declared: frozenset[str],
    known: Profiles,
) -> tuple[Mapping[str, TableSchema], list[Finding]]:
    """Return `tables` with keys inferred wherever neither the user nor the source spoke."""
    stated = {name: overrides.get(name, {}) for name in tables}
    pkey_open = {n for n, t in tables.items() if not t.pkey and "pkey" not in stated[n]}
    fkeys_open = {n for n in tables if "fkeys" not in stated[n]} - fkeys_declared
    if not pkey_open | fkeys_open:
        return tables, []
    inferred, findings = infer_keys(connection, tables, known)
    keyed = {
        name: dataclasses.replace(
            table,
            pkey=inferred[name].pkey if name in pkey_open else table.pkey,
            fkeys=inferred[name].fkeys if name in fkeys_open else table.fkeys,
        )
        for name, table in tables.items()
    }
    spoken = {"pkey": pkey_open, "fkey": fkeys_open}
    return keyed, [f for f in findings if f.table in spoken[f.kind]]
