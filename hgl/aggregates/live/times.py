"""Where the time of a table in the arranged copy came from: a column of the source, or parents."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from hgl.aggregates.live.needs import TableNeeds
from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.errors import SchemaError

_INHERITED, _COPIED = "the row's time, inherited", "the row's time, from "
"""How the reason of a time column begins that the source does not have."""


def own_time(table: TableSchema) -> str | None:
    """Return the column that the source keeps a table's time in; None: inherited, or static."""
    if table.time_col is None or is_inherited(table):
        return None
    return (
        table.column(table.time_col).reason.removeprefix(_COPIED)
        if _is_made(table)
        else table.time_col
    )


def is_inherited(table: TableSchema) -> bool:
    """Whether a table's time is the latest of the rows that it refers to."""
    return table.time_col is not None and table.column(table.time_col).reason.startswith(_INHERITED)


def inherited_keys(schema: Schema, table: TableSchema) -> tuple[ForeignKey, ...]:
    """Return the foreign keys that a table inherits its time through; () where it does not.

    Raises: SchemaError: tables inherit in a circle, or unknown inherited times are visible.
    """
    if not is_inherited(table):
        return ()
    if table.null_times == "visible":
        raise unreadable(table.name, "its time is inherited, and unknown times are visible")
    fkeys = _timed_parents(schema, table)
    for fkey in fkeys:
        _check_acyclic(schema, fkey.parent, (table.name,))
    return fkeys


def with_parents(schema: Schema, needed: Mapping[str, TableNeeds]) -> dict[str, TableNeeds]:
    """Return `needed` with the rows that times are inherited from. Raises: as `inherited_keys`."""
    found, pending = dict(needed), [n for n, wanted in needed.items() if wanted.timed]
    while pending:
        for fkey in inherited_keys(schema, schema.table(pending.pop())):
            known = found.get(fkey.parent, TableNeeds())
            if not known.timed:
                found[fkey.parent] = dataclasses.replace(known, timed=True)
                pending.append(fkey.parent)
    return dict(sorted(found.items()))


def unreadable(table: str, reason: str) -> SchemaError:
    """Return the error of a table that a live database cannot serve."""
    return SchemaError(f"table {table!r} cannot be read live: {reason}; use a snapshot")


def _is_made(table: TableSchema) -> bool:
    return table.column(str(table.time_col)).reason.startswith(_COPIED)


def _timed_parents(schema: Schema, table: TableSchema) -> tuple[ForeignKey, ...]:
    return tuple(
        f
        for f in table.fkeys
        if f.parent != table.name and schema.table(f.parent).time_col is not None
    )


def _check_acyclic(schema: Schema, at: str, passed: tuple[str, ...]) -> None:
    if at in passed:
        raise unreadable(passed[0], f"its time is inherited in a circle ({', '.join(passed)})")
    table = schema.table(at)
    if is_inherited(table):
        for fkey in _timed_parents(schema, table):
            _check_acyclic(schema, fkey.parent, (*passed, at))
