"""Shows a benchmark: how far it is, what runs, and a line for each run that ended."""

from __future__ import annotations

import math
import threading
from typing import Protocol

from rich.progress import TaskID

from hgl.report.screen import Screen
from hgl.results.record import Record


class Named(Protocol):
    """What is said of a run: see `hgl.bench.cell.Cell`, which stands above this module."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


class GridLines:
    """Implements `hgl.bench.grid.GridWatcher`; told by several threads."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._lock = threading.Lock()
        self._whole: TaskID | None = None
        self._running: dict[str, TaskID] = {}
        self._stage, self._ended, self._cells = "", 0, 0

    def begin(self, stage: str, cells: int) -> None:
        """So many cells are asked for."""
        if self._whole is not None:
            self._screen.bars.remove_task(self._whole)
        self._stage, self._ended, self._cells = stage, 0, cells
        self._whole = self._screen.bar(stage, cells)

    def started(self, cell: Named) -> None:
        """A cell is being run here."""
        with self._lock:
            self._running[cell.id] = self._screen.bar(f"  {cell.name}", None)

    def ended(self, cell: Named, record: Record | None, *, here: bool) -> None:
        """It has a record, made here or before or by others; None: it was stopped."""
        with self._lock:
            if cell.id in self._running:
                self._screen.bars.remove_task(self._running.pop(cell.id))
            if record is None:
                return
            self._ended += 1
            if self._whole is not None:
                self._screen.bars.advance(self._whole)
            origin = f"in {record.seconds:.0f} s" if here else "on record"
            self._screen.say(
                f"{self._stage} {self._ended}/{self._cells} {record.id} {cell.name}: "
                f"{_result(record)} ({origin})"
            )


def _result(record: Record) -> str:
    if not record.done:
        return f"{record.status}: {record.error}"
    scores = {split: record.score(split) for split in record.metrics}
    shown = [f"{s} {'undefined' if math.isnan(v) else f'{v:.4f}'}" for s, v in scores.items()]
    return f"{record.metric} {', '.join(shown)}"
