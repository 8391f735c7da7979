"""What a grid would cost, from what is on record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from hgl.bench.cell import Cell
from hgl.results.record import Record

Key = tuple[str, str]
"""Task and contender."""


@dataclass(frozen=True)
class Estimate:
    """Cells of one task and contender.

    Attributes:
        cells: asked for; `missing` of them have no record.
        seconds: of one cell, the mean of earlier ones; None where there is none.
        peak_bytes: of one cell at most; None likewise.
    """

    task: str
    contender: str
    cells: int
    missing: int
    seconds: float | None
    peak_bytes: float | None


def estimates(
    cells: Sequence[Cell], kept: Mapping[str, Record], known: Iterable[Record]
) -> list[Estimate]:
    """Return an estimate per task and contender, in the order of the cells.

    Args:
        kept: id to record of the cells that need not be run.
        known: records to judge by.
    """
    earlier: dict[Key, list[Record]] = defaultdict(list)
    for record in known:
        if record.done:
            earlier[record.task, record.model].append(record)
    asked: dict[Key, list[Cell]] = defaultdict(list)
    for cell in cells:
        asked[cell.question.name, cell.contender].append(cell)
    return [
        Estimate(
            *key,
            cells=len(each),
            missing=sum(cell.id not in kept for cell in each),
            seconds=fmean(r.seconds for r in before) if (before := earlier.get(key)) else None,
            peak_bytes=max(r.peak_bytes for r in before) if before else None,
        )
        for key, each in asked.items()
    ]


def total(found: Sequence[Estimate], workers: int) -> tuple[float, int]:
    """Return seconds of what can be told, and how many cells nobody can tell about."""
    told = sum(e.missing * e.seconds for e in found if e.seconds is not None)
    return told / workers, sum(e.missing for e in found if e.seconds is None)
