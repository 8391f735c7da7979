"""Time for tables without a time column: the latest of the rows they refer to."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

from hgl.db.clock import free_name
from hgl.db.order import RowOrder, parents_first
from hgl.db.schema import Column, ForeignKey, TableSchema, replace_table

log = logging.getLogger(__name__)


def inherit_times(order: RowOrder, overrides: Mapping[str, Mapping[str, object]]) -> None:
    """Give `_time` to every untimed table whose rows all refer to a row of a timed table.

    A row cannot be known before the rows it refers to, so leaving such a table static would show
    future rows. A table whose `time_col` the user stated (null included) is left alone.
    """
    pending = {
        t.name: t
        for t in order.schema.tables.values()
        if t.time_col is None and "time_col" not in overrides.get(t.name, {}) and t.num_rows
    }
    while pending:
        table = pending.pop(parents_first(order.schema, pending))
        timed = [f for f in table.fkeys if order.schema.table(f.parent).time_col]
        if mandatory := _mandatory(order, table, timed):
            order.inherited[table.name] = tuple(timed)
            order.schema = replace_table(order.schema, _timed(table, mandatory))


def _mandatory(order: RowOrder, table: TableSchema, fkeys: list[ForeignKey]) -> list[ForeignKey]:
    """Return those of `fkeys` that lead every row of `table` to a parent row."""
    if not fkeys:
        return []
    absent = ", ".join(f"count(*) - count(p{i}.row)" for i in range(len(fkeys)))
    counts = order.connection.execute(
        f"SELECT {absent} FROM {order.relation(table, fkeys)}"
    ).fetchone()
    return [f for f, count in zip(fkeys, counts or ()) if count == 0]


def _timed(table: TableSchema, mandatory: list[ForeignKey]) -> TableSchema:
    """Return `table` with an inherited time column."""
    name = free_name("_time", (c.name for c in table.columns))
    through = " and ".join(f"{f.parent} ({f.name})" for f in mandatory)
    reason = f"inherited: every row refers to {through} and cannot be known earlier"
    log.info("%s: time %s", table.name, reason)
    column = Column(name, "", "ignored", "the row's time, inherited from the rows it refers to")
    return dataclasses.replace(
        table, time_col=name, time_reason=reason, columns=(*table.columns, column)
    )
