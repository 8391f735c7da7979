"""Runs on the machines of a Ray cluster, each a process of its own there."""

from __future__ import annotations

import contextlib
import math
import platform
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from hgl.bench.cell import Cell
from hgl.bench.measure import Bench, now, record_of
from hgl.bench.process import Ended, Limits
from hgl.errors import SourceError
from hgl.results.record import FAILED, Record

_EVERY = 0.5
"""Seconds between two looks at a run."""
_GRACE = 10.0
"""Seconds that a stopped run is given to end its process."""
_LOOK, _PATIENCE = 5.0, 300.0
"""Seconds between two looks at the machines, and those without one: a new one may be on its way."""


class RemoteBench:
    """Does what `Bench` does, where the cluster has room.

    Each run is given its part of the cluster's cores and GPUs, no more cores than any machine has;
    where there are GPUs, runs go to machines that have some.

    Args:
        ray: the library, connected.
        workers: runs at a time; None for as many as the cluster has cores.
    """

    def __init__(self, ray: ModuleType, limits: Limits, workers: int | None) -> None:
        self._ray, self.cpus, self.gpus = ray, 1, 0.0
        machines = self._machines()
        cores = [int(machine["CPU"]) for machine in machines]
        self.workers = workers or max(1, sum(cores))
        self.cpus = max(1, min([sum(cores) // self.workers, *cores]))
        share = sum(machine.get("GPU", 0.0) for machine in machines) / self.workers
        self.gpus = min(1.0, math.floor(share * 1e4) / 1e4)  # Ray's least part of one
        self._task = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=0)(_run_there)
        self._bench = Bench(limits, self.cpus)
        self._looked = self._seen = time.monotonic()

    def run(self, cell: Cell, folder: Path, home: Path, stopped: threading.Event) -> Record | None:
        """Run `hgl train` on one of the machines; None where it was stopped.

        A worker or machine that dies leaves a record that says so.

        Args:
            folder: of the run: new and empty, and on every machine.
            home: of the store, which the record names the folder from.
        Raises: SourceError: a machine lacks a folder or hgl, or none could take it for minutes.
        """
        began, start = now(), time.monotonic()
        lost = self._ray.exceptions
        asked = self._task.remote(self._bench, cell, folder, home, _folders(cell, folder))
        try:
            self._wait(asked, stopped)
            found: Record | None = self._ray.get(asked, timeout=_GRACE)
            return found
        except lost.RayTaskError as error:
            why = _lines(error.cause)[-1]
            raise SourceError(f"launcher='ray', {cell.name}: {why}") from None
        except lost.RayError as error:
            if stopped.is_set():
                return None
            why = f"lost with its Ray worker: {_lines(error)[0]}"
            ended = Ended(FAILED, why, time.monotonic() - start, 0)
            return record_of(cell, folder, home, ended, began)

    def _wait(self, asked: object, stopped: threading.Event) -> None:
        """Until it has ended, or is told to."""
        while not self._ray.wait([asked], timeout=_EVERY)[0]:
            deserted = self._deserted()
            if not deserted and not stopped.is_set():
                continue
            # Of one that has ended, this may crash Ray (2.60).
            self._ray.cancel(asked)
            if deserted:
                raise SourceError(
                    f"launcher='ray': for {_PATIENCE:.0f} seconds, no machine of the cluster had "
                    f"{self.cpus} cores and {self.gpus:g} GPUs; the same command goes on"
                )
            return

    def _deserted(self) -> bool:
        """Whether no machine was large enough for a run, for long."""
        moment = time.monotonic()
        if moment - self._looked > _LOOK:
            self._looked = moment
            self._seen = moment if self._machines() else self._seen
        return moment - self._seen > _PATIENCE

    def _machines(self) -> list[Mapping[str, float]]:
        """Resources of the machines that a run fits on."""
        living = (node["Resources"] for node in self._ray.nodes() if node["Alive"])
        return [
            has
            for has in living
            if has.get("CPU", 0.0) >= self.cpus and has.get("GPU", 0.0) >= self.gpus
        ]


def _lines(error: BaseException) -> list[str]:
    return str(error).strip().splitlines() or [type(error).__name__]


def _folders(cell: Cell, folder: Path) -> list[Path]:
    """Where the run is started, and others that it needs."""
    known = (Path.cwd(), folder.absolute(), Path(cell.source.place).expanduser().absolute())
    return [path for path in known if path.is_dir()]


def _run_there(
    bench: Bench, cell: Cell, folder: Path, home: Path, needed: list[Path]
) -> Record | None:
    """What a worker does. Raises: SourceError: a folder is not on its machine."""
    for path in needed:
        if not path.is_dir():
            raise SourceError(
                f"{str(path)!r} is not on machine {platform.node()}: expected a folder that all "
                "machines of the cluster share"
            )
    with contextlib.chdir(needed[0]):
        return bench.run(cell, folder, home, threading.Event())
