"""Past answers dated at their question: a label at t covers `(t, t + horizon]`, so a table that
keeps it is known from `t + horizon` on, and not from t.
"""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import ASKED, asked, some
from hgl.audit.suspicions.shown import children, instant, shown
from hgl.audit.suspicions.told_labels import COMPARED, KINDS, twins_of
from hgl.db.duck import identifier, names
from hgl.results.finding import Finding


def early_answers(case: Case) -> Iterator[Finding]:
    """Flag columns of rows dated at the seed time that are one with the label."""
    task = case.task
    if task.autocomplete or task.kind not in KINDS:
        return
    rows = some(asked(case, "train"))
    columns = {table.name: found for table, found in shown(case, *COMPARED)}
    with case.db.connect() as connection:
        connection.register(ASKED, rows[["n", "entity", "time"]])
        for child, fkey in children(case, task.entity_table):
            compared = columns.get(child.name, [])
            values = connection.execute(
                f"SELECT {', '.join(['a.n', *(_any(c.name) for c in compared)])} "
                f"FROM {identifier(ASKED)} a JOIN {identifier(child.name)} c "
                f"ON c.{identifier(fkey.row_col)} = a.entity "
                f"AND {instant(child, 'c')} = a.time GROUP BY a.n ORDER BY a.n"
            ).df()
            for name, share in twins_of(compared, values, rows, task.kind).items():
                yield Finding(
                    check="early answer",
                    severity="suspicion",
                    place=f"{child.name}.{name}",
                    evidence=f"in {len(values)} rows dated at a seed time it is "
                    f"{100 * share:.1f} % one with the label, which is known only when the "
                    f"horizon of {task.timedelta / 86400:g} days is over",
                    remedy=f"add the horizon to {child.name}.{child.time_col}",
                )


def _any(column: str) -> str:
    return f"any_value({names([column], 'c')}) AS {identifier(column)}"
