"""What a user states about keys, times and column types: a partial manifest, checked by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from hgl.db.schema import ForeignKey, Schema, TableSchema, read_manifest
from hgl.errors import SchemaError
from hgl.typing import Stype

Overrides = Mapping[str, Mapping[str, Any]]
"""Per table, any of `pkey`, `fkeys`, `time_col`, `null_times`, `columns`."""

STATED = "stated in the manifest"
"""Reason of what nobody inferred."""

_BLOCK = ("pkey", "fkeys", "time_col", "null_times", "columns")
_NULL_TIMES = ("hidden", "visible")


def read_overrides(manifest: str | Path | Mapping[str, Any] | None) -> Overrides:
    """Return the blocks under `tables` of a manifest: a mapping or the path of a YAML file.

    Raises: SourceError: the file is absent or not YAML. SchemaError: a block has unknown keys.
    """
    if manifest is None or isinstance(manifest, Mapping):
        content = manifest or {}
    elif isinstance(manifest, str | Path):
        content = read_manifest(Path(manifest))
    else:
        raise SchemaError(f"manifest: {manifest!r}; expected a file or a mapping")
    if content and "tables" not in content:
        raise SchemaError(f"manifest: {', '.join(map(str, content))}; expected a key `tables`")
    blocks = content.get("tables") or {}
    if not isinstance(blocks, Mapping):
        raise SchemaError(f"manifest: `tables` is {blocks!r}; expected a mapping by table name")
    checked = {}
    for table, block in blocks.items():
        if not isinstance(block or {}, Mapping):
            raise SchemaError(f"manifest: table {table!r} is {block!r}; expected a mapping")
        _known(block or {}, _BLOCK, f"manifest: table {table!r}")
        checked[str(table)] = dict(block or {})
    return checked


def apply_keys(schema: Schema, overrides: Overrides) -> Schema:
    """Return `schema` with the keys, times and null rules that `overrides` states.

    Raises: SchemaError: a table or column does not exist; the message names those that do.
    """
    _known(overrides, schema.tables, "manifest: tables")
    tables = dict(schema.tables)
    for name, block in overrides.items():
        tables[name] = _with_scalars(tables[name], block)
    for name, block in overrides.items():
        if "fkeys" in block:
            stated = _mapping(block["fkeys"], f"manifest: {name}.fkeys")
            fkeys = _fkeys(tables[name], stated, tables)
            tables[name] = dataclasses.replace(tables[name], fkeys=fkeys)
    return dataclasses.replace(schema, tables=tables)


def apply_stypes(table: TableSchema, overrides: Overrides) -> TableSchema:
    """Return `table` with the column types that `overrides` states.

    Raises: SchemaError: a column or a semantic type does not exist.
    """
    stated = _mapping(
        overrides.get(table.name, {}).get("columns"), f"manifest: {table.name}.columns"
    )
    for column, stype in stated.items():
        table.column(column)
        _known([stype], get_args(Stype), f"manifest: column {table.name}.{column}")
    columns = tuple(
        dataclasses.replace(c, stype=stated[c.name], reason=STATED) if c.name in stated else c
        for c in table.columns
    )
    return dataclasses.replace(table, columns=columns)


def _with_scalars(table: TableSchema, block: Mapping[str, Any]) -> TableSchema:
    """Return `table` with the block's primary key, time column and rule for null times."""
    if "pkey" in block:
        table = dataclasses.replace(table, pkey=_columns(table, block["pkey"], "pkey"))
    if "time_col" in block:
        time_col = block["time_col"]
        if time_col is not None:
            table.column(time_col)
        table = dataclasses.replace(table, time_col=time_col, time_reason=STATED)
    if "null_times" in block:
        _known([block["null_times"]], _NULL_TIMES, f"manifest: {table.name}.null_times")
        table = dataclasses.replace(table, null_times=block["null_times"])
    return table


def _fkeys(
    table: TableSchema, stated: Mapping[str, Any], tables: Mapping[str, TableSchema]
) -> tuple[ForeignKey, ...]:
    """Read `name: {columns, parent, parent_columns}`, or RelBench's `column: parent`."""
    fkeys = []
    for name, block in stated.items():
        if isinstance(block, str):
            block = {"columns": [name], "parent": block}
        where = f"manifest: foreign key {table.name}.{name}"
        if not isinstance(block, Mapping) or "parent" not in block:
            raise SchemaError(f"{where} is {block!r}; expected columns and parent")
        _known(block, ("columns", "parent", "parent_columns"), where)
        _known([block["parent"]], tables, f"{where}: parent")
        parent = tables[block["parent"]]
        columns = _columns(table, block.get("columns", [name]), f"fkeys.{name}.columns")
        keys = _columns(
            parent, block.get("parent_columns", parent.pkey), f"fkeys.{name}.parent_columns"
        )
        if not keys or len(keys) != len(columns):
            raise SchemaError(
                f"{where}: columns {list(columns)} do not pair with {parent.name}'s {list(keys)}"
            )
        fkeys.append(ForeignKey(name, columns, parent.name, keys, row_col=""))
    return tuple(fkeys)


def _columns(table: TableSchema, stated: Any, what: str) -> tuple[str, ...]:
    columns = (stated,) if isinstance(stated, str) else stated or ()
    if not isinstance(columns, list | tuple):
        raise SchemaError(f"manifest: {table.name}.{what} is {stated!r}; expected columns")
    _known(columns, [c.name for c in table.columns], f"manifest: {table.name}.{what}")
    return tuple(columns)


def _mapping(stated: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(stated or {}, Mapping):
        raise SchemaError(f"{where} is {stated!r}; expected a mapping")
    return stated or {}


def _known(found: Iterable[Any], expected: Iterable[str], where: str) -> None:
    """Raise SchemaError when something in `found` is not in `expected`."""
    expected = list(expected)
    for name in found:
        if name not in expected:
            raise SchemaError(
                f"{where}: {name!r} is unknown; expected one of {', '.join(expected)}"
            )
