"""Wall time and peak memory of each phase of a run."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass
class Phases:
    """Collects `{phase: {"seconds": …, "peak_mb": …}}`; phases that recur add up.

    Attributes:
        announce: told the name of each phase as it begins.
    """

    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    announce: Callable[[str], None] | None = None

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure a block as phase `name`."""
        if self.announce:
            self.announce(name)
        _reset_peak()
        start = time.perf_counter()
        try:
            yield
        finally:
            row = self.rows.setdefault(name, {"seconds": 0.0, "peak_mb": 0.0})
            row["seconds"] += time.perf_counter() - start
            row["peak_mb"] = max(row["peak_mb"], peak_mb())


def peak_mb() -> float:
    """Peak resident memory in MB since the last reset; of the whole process outside Linux."""
    try:
        line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _reset_peak() -> None:
    try:
        _CLEAR.write_text("5")
    except OSError:
        return
