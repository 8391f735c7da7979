"""How much memory this process may still have."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_FILES = {"": "memory.max", "memory": "memory.limit_in_bytes"}
"""Of control groups of versions 2 and 1, by the controller: where the limit is."""


def room() -> int:
    """Return bytes, with what pages of files would give back; 0 where the system does not say."""
    try:
        free = _amount("meminfo", "MemAvailable")
        own = _amount("self/status", "RssAnon")
        return max(0, min([free, *(limit - own for limit in _limits())]))
    except (OSError, AttributeError):
        return 0


def _amount(file: str, name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB", (PROC / file).read_text(), re.M)
    return 1024 * int(found[1])  # type: ignore[index]


def _limits() -> Iterator[int]:
    """Yield the limits of this process's control group and of those around it."""
    for line in (PROC / "self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in _FILES.keys() & set(controllers.split(",")):
            home = GROUPS / name
            group = home / path.lstrip("/")
            for folder in (group, *(f for f in group.parents if f.is_relative_to(home))):
                with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                    yield int((folder / _FILES[name]).read_text())
