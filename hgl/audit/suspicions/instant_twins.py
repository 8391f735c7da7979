"""Relatives that share the instant of the row whose column is completed, and tell the column.

Standings after a race stand at the race's own instant, and the points in them are the position.
Only the inclusive cut lets them in.
"""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import ASKED, asked, some
from hgl.audit.suspicions.shown import ROW, instant, numbered, shown
from hgl.audit.suspicions.told_labels import COMPARED, twins_of
from hgl.db.duck import identifier
from hgl.db.schema import TableSchema
from hgl.results.finding import Finding

SHARE = 0.5
"""Share of the target that one column tells: the others of its instant tell the rest. Points of the
constructor in a race are 0.68 of a driver's position."""


def instant_twins(case: Case) -> Iterator[Finding]:
    """Flag columns of rows at the seed's own instant that are one with an autocomplete target."""
    if not case.task.autocomplete or case.cut == "strict":
        return
    rows = some(asked(case, "train"))
    entity = case.db.schema.table(case.task.entity_table)
    with case.db.connect() as connection:
        connection.register(ASKED, rows[["n", "entity", "time"]])
        for other, columns in shown(case, *COMPARED):
            related = _related(entity, other) if other.time_col else ""
            if other.name == entity.name or not related:
                continue
            taken = [f"any_value(o.{identifier(c.name)}) AS {identifier(c.name)}" for c in columns]
            values = connection.execute(
                f"SELECT a.n, {', '.join(taken)} FROM {identifier(ASKED)} a "
                f"JOIN {numbered(entity)} e ON e.{ROW} = a.entity "
                f"JOIN {numbered(other)} o ON {related} AND {instant(other, 'o')} = a.time "
                "GROUP BY a.n ORDER BY a.n"
            ).df()
            for name, share in twins_of(columns, values, rows, case.task.kind, SHARE).items():
                yield Finding(
                    check="instant twin",
                    severity="suspicion",
                    place=f"{other.name}.{name}",
                    evidence=f"at the same instant as {len(values)} rows to be completed it is "
                    f"{100 * share:.1f} % one with {case.task.target_col}",
                    remedy="use cut=strict, or list the column under remove_columns",
                )


def _related(entity: TableSchema, other: TableSchema) -> str:
    """SQL that `o` refers to the row of `e`, or `e` to it, or both to the same parents; or ''."""
    for fkey in other.fkeys:
        if fkey.parent == entity.name:
            return f"o.{identifier(fkey.row_col)} = e.{ROW}"
    for fkey in entity.fkeys:
        if fkey.parent == other.name:
            return f"e.{identifier(fkey.row_col)} = o.{ROW}"
    theirs = {fkey.parent: fkey for fkey in other.fkeys}
    shared = [(fkey, theirs[fkey.parent]) for fkey in entity.fkeys if fkey.parent in theirs]
    return " AND ".join(
        f"e.{identifier(mine.row_col)} = o.{identifier(its.row_col)}" for mine, its in shared
    )
