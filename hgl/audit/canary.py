"""Rows beyond a horizon change; what seeds see must not, bit for bit."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hgl.audit.change import changed
from hgl.audit.horizon import Change, Horizon
from hgl.audit.observer import Observer, Seen
from hgl.db.cache import cached_in
from hgl.db.database import Database
from hgl.results.finding import Finding

_SHOWN = 3
_REMEDIES = {
    "statistics": "fit them on rows no later than the validation timestamp",
    "predictions": "find what the model reads beside its batch, or mend the batch",
}
_REMEDY = "give the rows of these tables the time at which they became known, and read none later"


@dataclass
class Tally:
    """What one observer saw: comparisons made, and those that differ.

    Attributes:
        tables: whose change alone makes a difference.
        example: the first difference, in words.
    """

    observer: Observer
    made: int = 0
    differ: int = 0
    changes: dict[str, None] = field(default_factory=dict)
    tables: dict[str, None] = field(default_factory=dict)
    example: str = ""

    @property
    def label(self) -> str:
        """The observer's name and which one it is."""
        return f"{self.observer.name} ({self.observer.detail})"

    def findings(self) -> Iterator[Finding]:
        """Yield the leak, if there is one."""
        if self.differ:
            evidence = (
                f"{self.label}: {self.differ} of {self.made} comparisons differ after rows later "
                f"than the seeds changed ({', '.join(self.changes)}); {self.example}"
            )
            yield Finding(
                check="canary",
                severity="leak",
                place=", ".join(self.tables) or self.observer.name,
                evidence=evidence,
                remedy=_REMEDIES.get(self.observer.name, _REMEDY),
            )


def canaries(
    db: Database,
    horizons: Sequence[Horizon],
    observers: Sequence[Observer],
    announce: Callable[[str], None] = lambda _: None,
) -> list[Tally]:
    """Change what lies beyond each horizon, in every way, and compare what the seeds see.

    Everything made on the way lies in a temporary folder.

    Args:
        announce: told what comes next.
    """
    tallies = [Tally(observer) for observer in observers]
    for horizon in horizons:
        looking = [t for t in tallies if t.observer.looks(horizon)]
        announce(f"{horizon.split} seeds, {horizon}")
        with tempfile.TemporaryDirectory() as folder, _quiet():
            _Canary(db, horizon, Path(folder)).compare(looking)
    return tallies


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Say nothing of what each changed database is like."""
    logger = logging.getLogger("hgl")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@dataclass(frozen=True)
class _Canary:
    """One horizon of a database, and a folder to work in."""

    db: Database
    horizon: Horizon
    folder: Path

    def compare(self, tallies: Sequence[Tally]) -> None:
        """Compare what is seen before and after each change."""
        before = [tally.observer(self.db, self.horizon) for tally in tallies]
        for change in self.horizon.changes:
            other = changed(self.db, self.horizon, change, self.folder / change)
            for tally, seen in zip(tallies, before, strict=True):
                with cached_in(self.folder / "cache"):
                    now = tally.observer(other, self.horizon)
                tally.made += 1
                if differing := differences(seen, now):
                    tally.differ += 1
                    tally.changes[change] = None
                    tally.example = tally.example or self._told(differing)
                    tally.tables.update(self._guilty(tally.observer, change, seen))

    def _guilty(self, observer: Observer, change: Change, before: Seen) -> dict[str, None]:
        """Tables whose change alone makes a difference."""
        found: dict[str, None] = {}
        for name, table in self.db.schema.tables.items():
            if table.time_col is None:
                continue
            with tempfile.TemporaryDirectory(dir=self.folder) as place, cached_in(Path(place)):
                other = changed(self.db, self.horizon, change, Path(place, "one"), [name])
                if differences(before, observer(other, self.horizon)):
                    found[name] = None
        return found

    def _told(self, differing: Sequence[str]) -> str:
        named = ", ".join(differing[:_SHOWN])
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        return f"for example {named}{more}, of {self.horizon.split} seeds up to {self.horizon}"


def differences(one: Seen, other: Seen) -> list[str]:
    """Return the names of arrays that are not the same in every bit, in order."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one or name not in other or not _same(one[name], other[name])
    ]


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )
