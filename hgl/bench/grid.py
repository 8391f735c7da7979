"""Cells, run by several workers of one process, and of any number of processes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from hgl.bench.cell import Cell
from hgl.bench.store import Store
from hgl.results.record import Record

_PAUSE = 1.0
"""Seconds between two looks at what others run."""


class Runner(Protocol):
    """Runs a cell, here or elsewhere."""

    def run(self, cell: Cell, folder: Path, home: Path, stopped: threading.Event) -> Record | None:
        """Return a record of a run in `folder`, of a store in `home`; None: it was stopped."""


class GridWatcher(Protocol):
    """Told of each cell."""

    def begin(self, stage: str, cells: int) -> None:
        """So many cells are asked for."""

    def started(self, cell: Cell) -> None:
        """A cell is being run here."""

    def ended(self, cell: Cell, record: Record | None, *, here: bool) -> None:
        """It has a record, made here or before or by others; None: it was stopped."""


class Grid:
    """Runs what has no record yet.

    Args:
        workers: processes at a time.
        retry: also run again what failed before this grid was made.
    """

    def __init__(
        self, store: Store, bench: Runner, watcher: GridWatcher, *, workers: int, retry: bool
    ) -> None:
        self.store, self.bench, self.watcher = store, bench, watcher
        self.workers, self.retry = workers, retry
        # Not by time: a clock that was moved back would make every failure later than this.
        failed = [record for record in store.all() if not record.done] if retry else []
        self._before = {record.id: record.finished for record in failed}

    def run(self, stage: str, cells: Sequence[Cell]) -> list[Record]:
        """Return a record of every cell, in order; waits for those that others are running.

        Raises: HglError: the store cannot be written. KeyboardInterrupt: Ctrl-C; every process
            that was started has ended.
        """
        self.watcher.begin(stage, len(cells))
        waiting, stopped = deque(cells), threading.Event()
        with ThreadPoolExecutor(self.workers) as pool:
            working = [pool.submit(self._work, waiting, stopped) for _ in range(self.workers)]
            try:
                for future in working:
                    future.result()
            except BaseException:
                stopped.set()
                raise
        found = (self.store.get(cell.id) for cell in cells)
        return [record for record in found if record is not None]

    def _work(self, waiting: deque[Cell], stopped: threading.Event) -> None:
        missed = 0
        while not stopped.is_set():
            try:
                cell = waiting.popleft()
            except IndexError:
                return
            if self._settle(cell, stopped):
                missed = 0
                continue
            waiting.append(cell)
            missed += 1
            if missed >= len(waiting):
                time.sleep(_PAUSE)

    def _settle(self, cell: Cell, stopped: threading.Event) -> bool:
        """Run a cell unless it has a record; return whether it needs no more looking at."""
        if self._kept(cell):
            return True
        claim = self.store.claim(cell.id)
        if claim is None:
            return False
        with claim.held() as lost:
            # Between the first look and the claim, its last owner may have finished.
            if self._kept(cell):
                return True
            self.watcher.started(cell)
            folder = self.store.new_run(cell.id)
            record = self.bench.run(cell, folder, self.store.folder, stopped)
            if record is not None and not lost.is_set() and claim.beat():
                self.store.put(record)
            self.watcher.ended(cell, record, here=True)
        return True

    def _kept(self, cell: Cell) -> bool:
        record = self.store.get(cell.id)
        if record is None or self._before.get(cell.id) == record.finished:
            return False
        self.watcher.ended(cell, record, here=False)
        return True
