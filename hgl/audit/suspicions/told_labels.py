"""Columns that all but determine the label: of the entity's row, or of the latest row about it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pandas as pd

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import ASKED, asked, some
from hgl.audit.suspicions.shown import ROW, children, instant, numbered, shown
from hgl.db.duck import identifier, names
from hgl.db.schema import Column, ForeignKey, TableSchema
from hgl.results.finding import Finding
from hgl.tasks.twins import THRESHOLD, find_twins

KINDS = ("binary", "multiclass", "regression")
ORDERED = ("numerical", "timestamp")
COMPARED_ROWS = 10_000
COMPARED = (*ORDERED, "categorical", "boolean")


def told_labels(case: Case) -> Iterator[Finding]:
    """Flag visible columns that are one with the training label."""
    if case.task.kind not in KINDS:
        return
    rows = some(asked(case, "train"), COMPARED_ROWS)
    columns = {table.name: found for table, found in shown(case, *COMPARED)}
    entity = case.db.schema.table(case.task.entity_table)
    with case.db.connect() as connection:
        connection.register(ASKED, rows[["n", "entity", "time"]])
        if entity.name in columns:
            own = _own(connection, entity, columns[entity.name])
            yield from _told(entity, columns[entity.name], own, rows)
        for child, fkey in children(case, entity.name):
            if child.name in columns:
                latest = _latest(connection, case, child, fkey, columns[child.name])
                yield from _told(child, columns[child.name], latest, rows)


def twins_of(
    columns: list[Column],
    values: pd.DataFrame,
    rows: pd.DataFrame,
    kind: str,
    threshold: float = THRESHOLD,
) -> dict[str, float]:
    """Return the columns that are one with the label, with the share they tell.

    Args:
        values: the columns, and `n` to find the row of `rows` that each belongs to.
    """
    target = rows["target"].iloc[values["n"]].reset_index(drop=True)
    target = target.astype(float) if kind == "regression" else target.astype(object)
    compared = {
        c.name: values[c.name] if c.stype in ORDERED else values[c.name].astype(object)
        for c in columns
    }
    return find_twins(compared, target, threshold)


def _told(
    table: TableSchema, columns: list[Column], values: pd.DataFrame, rows: pd.DataFrame
) -> Iterator[Finding]:
    kind = "regression" if rows["target"].dtype.kind == "f" else "class"
    for name, share in twins_of(columns, values, rows, kind).items():
        yield Finding(
            check="told label",
            severity="suspicion",
            place=f"{table.name}.{name}",
            evidence=f"it is {100 * share:.1f} % one with the label of {len(values)} training rows",
            remedy="ask when the column was known; if not before the label, list it under the "
            "task's remove_columns",
        )


def _own(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, columns: list[Column]
) -> pd.DataFrame:
    return connection.execute(
        f"SELECT a.n, {names((c.name for c in columns), 'e')} FROM {identifier(ASKED)} a "
        f"JOIN {numbered(table)} e ON e.{ROW} = a.entity ORDER BY a.n"
    ).df()


def _latest(
    connection: duckdb.DuckDBPyConnection,
    case: Case,
    child: TableSchema,
    fkey: ForeignKey,
    columns: list[Column],
) -> pd.DataFrame:
    visible = ">=" if case.cut == "inclusive" else ">"
    return connection.execute(
        f"SELECT a.n, {names((c.name for c in columns), 'c')} FROM {identifier(ASKED)} a ASOF JOIN "
        f'(SELECT *, {instant(child)} AS "hgl:at" FROM {identifier(child.name)} '
        f"WHERE {identifier(str(child.time_col))} IS NOT NULL) c "
        f'ON c.{identifier(fkey.row_col)} = a.entity AND a.time {visible} c."hgl:at" ORDER BY a.n'
    ).df()
