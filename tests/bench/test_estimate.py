"""What a grid would cost."""

from __future__ import annotations

import dataclasses

from hgl.bench.estimate import Estimate, estimates, total
from hgl.results.record import Record
from tests.bench.made import CELL
from tests.results.made import record

SAGE = [dataclasses.replace(CELL, seed=seed) for seed in range(5)]
LATTE = [dataclasses.replace(CELL, contender="latte", seed=seed) for seed in range(2)]


def took(seconds: float, peak_bytes: float, **changes: str) -> Record:
    return record(seconds=seconds, peak_bytes=peak_bytes, **changes)


def test_a_cell_takes_what_those_of_its_task_and_contender_took() -> None:
    done = [took(60, 3e8, id=SAGE[0].id), took(120, 5e8, id=SAGE[1].id)]
    foreign = [
        took(1000, 9e9, status="timeout"),
        took(1000, 9e9, task="early"),
        took(1000, 9e9, model="rgcn"),
    ]
    found = estimates([*SAGE, *LATTE], {r.id: r for r in done}, [*done, *foreign])
    assert found == [
        Estimate("late", "sage", cells=5, missing=3, seconds=90, peak_bytes=5e8),
        Estimate("late", "latte", cells=2, missing=2, seconds=None, peak_bytes=None),
    ]
    assert total(found, workers=1) == (270, 2)
    assert total(found, workers=4) == (67.5, 2)


def test_what_is_kept_costs_nothing() -> None:
    done = [took(60, 3e8, id=cell.id) for cell in SAGE]
    found = estimates(SAGE, {r.id: r for r in done}, done)
    assert [(e.cells, e.missing) for e in found] == [(5, 0)]
    assert total(found, workers=2) == (0, 0)
