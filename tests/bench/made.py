"""A cell made by hand."""

from __future__ import annotations

from hgl.bench.cell import Cell, Source
from hgl.results.question import Question

CELL = Cell(
    suite="s",
    source=Source("shop", "shop", "shop", "d"),
    question=Question(
        name="late",
        word="late",
        kind="binary",
        metric="roc_auc",
        entity_table="order",
        target_col="late",
        timedelta=1,
    ),
    contender="sage",
    policy="rolling",
    cut="inclusive",
    seed=0,
    words=("model=sage",),
)
