"""Destinations that may be recommended at each seed time: all that are known by then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hgl.db import times
from hgl.errors import TaskError
from hgl.tasks import population
from hgl.tasks.seeds import SeedTable

if TYPE_CHECKING:
    from hgl.db.database import Database


def candidates(seeds: SeedTable, db: Database) -> SeedTable:
    """Return a seed without an answer per distinct time of `seeds` and destination known then.

    They see what `seeds` see: under the strict cut, a destination that becomes known at the very
    seed time is none yet. Ordered by time, then row.

    Raises: TaskError: at one of the times no destination is known.
    """
    task = seeds.task.of_destinations()
    known = population.known_from(task, db)
    moments = np.unique(seeds.time)
    limits = moments if seeds.visible_until is None else moments.clip(max=seeds.visible_until)
    sees = np.less if seeds.cut == "strict" else np.less_equal
    rows = [np.flatnonzero(sees(known, limit)) for limit in limits]
    empty = [moment for moment, found in zip(moments, rows, strict=True) if not len(found)]
    if empty:
        raise TaskError(
            f"{seeds.task}: no row of table {task.entity_table!r} is known at "
            f"{times.text(int(empty[0]))}, so nothing can be recommended"
        )
    return replace(
        seeds,
        task=task,
        split="predict",
        entity=np.concatenate(rows),
        time=np.repeat(moments, [len(found) for found in rows]),
        target=None,
        notes=(),
    )
