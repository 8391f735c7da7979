"""SQL of one cell of a row: its time, its number, its text; its row's position."""

from __future__ import annotations

from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.features.statistics import number_sql
from hgl.typing import STATIC_TIME

ALWAYS = f"({STATIC_TIME})::BIGINT"
"""Time of a row that is known from the start; before every other."""


def time_cell(table: TableSchema) -> str | None:
    """SQL for when a row became known, whole seconds rounded up; null: never; None: static."""
    if table.time_col is None:
        return None
    name = identifier(table.time_col)
    # Exact: doubles of seconds would lose the nanoseconds that round up.
    if "[ns" in table.column(table.time_col).type:
        ticks, second = f"epoch_ns({name})", 10**9
    else:
        ticks, second = f"epoch_us({name}::TIMESTAMP)", 10**6
    seconds = f"({ticks} // {second} + ({ticks} % {second} > 0)::BIGINT)"
    return f"coalesce({seconds}, {ALWAYS})" if table.null_times == "visible" else seconds


def number_cell(table: TableSchema, column: str) -> str:
    """SQL for a numerical or boolean column as a finite double, null where it is none."""
    if table.column(column).stype == "boolean":
        return f"TRY_CAST({identifier(column)} AS BOOLEAN)::DOUBLE"
    return number_sql(column)


def text_cell(table: TableSchema, column: str) -> str:
    """SQL for a column as text."""
    return f"{identifier(table.column(column).name)}::VARCHAR"


def positioned(table: TableSchema) -> tuple[str, str]:
    """SQL of a table's rows, and of their position in it (or their order, where none is kept)."""
    rows = f"main.{identifier(table.name)}"
    if table.row_col is not None:
        return rows, identifier(table.row_col)
    position = identifier("hgl:position")
    return f"(SELECT *, row_number() OVER () - 1 AS {position} FROM {rows})", position
