"""Every cell is run once, whoever works at it."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from pathlib import Path

from hgl.bench.cell import Cell
from hgl.bench.grid import Grid
from hgl.bench.measure import Bench
from hgl.bench.store import Store
from hgl.results.record import Record
from tests.bench.made import CELL
from tests.results.made import record

CELLS = [dataclasses.replace(CELL, seed=seed) for seed in range(12)]


class Counting(Bench):
    """Counts what it is asked to run, which takes no process."""

    def __init__(self, status: str = "done") -> None:
        super().__init__()
        object.__setattr__(self, "asked", Counter())
        object.__setattr__(self, "status", status)

    def run(self, cell: Cell, folder: Path, home: Path, stopped: threading.Event) -> Record | None:
        self.asked[cell.id] += 1  # type: ignore[attr-defined]
        stopped.wait(0.01)
        return record(id=cell.id, seed=cell.seed, status=self.status)  # type: ignore[attr-defined]


class Nobody:
    """Listens to nothing."""

    def begin(self, stage: str, cells: int) -> None: ...
    def started(self, cell: Cell) -> None: ...
    def ended(self, cell: Cell, record: Record | None, *, here: bool) -> None: ...


def grid(folder: Path, bench: Bench, *, retry: bool = False) -> Grid:
    return Grid(Store(folder), bench, Nobody(), workers=3, retry=retry)


def test_two_grids_on_one_store_share_the_work(tmp_path: Path) -> None:
    bench, found = Counting(), []
    threads = [
        threading.Thread(target=lambda: found.append(grid(tmp_path, bench).run("bench", CELLS)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.asked == Counter({cell.id: 1 for cell in CELLS})  # type: ignore[attr-defined]
    assert [[r.id for r in records] for records in found] == 2 * [[c.id for c in CELLS]]
    assert not list((tmp_path / "claims").iterdir())


def test_what_has_a_record_is_not_run_again(tmp_path: Path) -> None:
    bench = Counting()
    grid(tmp_path, bench).run("bench", CELLS[:5])
    grid(tmp_path, bench).run("bench", CELLS)
    assert set(bench.asked.values()) == {1}  # type: ignore[attr-defined]


def test_a_damaged_record_is_made_again(tmp_path: Path) -> None:
    bench = Counting()
    grid(tmp_path, bench).run("bench", CELLS[:1])
    (file,) = (tmp_path / "records").iterdir()
    file.write_text(file.read_text()[:50])
    assert len(grid(tmp_path, bench).run("bench", CELLS[:1])) == 1
    assert set(bench.asked.values()) == {2}  # type: ignore[attr-defined]


def test_failures_stay_until_they_are_asked_for(tmp_path: Path) -> None:
    bad, good = Counting("failed"), Counting()
    assert [r.status for r in grid(tmp_path, bad).run("bench", CELLS[:2])] == ["failed"] * 2
    grid(tmp_path, good).run("bench", CELLS[:2])
    assert not good.asked  # type: ignore[attr-defined]
    found = grid(tmp_path, good, retry=True).run("bench", CELLS[:2])
    assert [r.status for r in found] == ["done"] * 2


def test_a_clock_moved_back_does_not_hide_failures(tmp_path: Path) -> None:
    grid(tmp_path, Counting("failed")).run("bench", CELLS[:1])
    (file,) = (tmp_path / "records").iterdir()
    later = dataclasses.replace(Record.read(file), finished="2999-01-01T00:00:00.000+00:00")
    later.write(tmp_path / "records")
    (found,) = grid(tmp_path, Counting(), retry=True).run("bench", CELLS[:1])
    assert found.done
