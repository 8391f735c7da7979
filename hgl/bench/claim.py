"""Who runs what: claims that any number of processes make on one folder, without a server.

A claim is a file `<id>.<turn>`, which only one process can create. One that was not touched for
longer than the lease is dead, by the file's time or by watching it for as long; whoever creates the
next turn takes its place, and its owner, should it still live, sees that and keeps nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hgl.errors import SourceError
from hgl.search.heartbeat import Sightings, beating

LEASE = 60.0
"""Seconds after its last sign of life that a claim holds."""


@dataclass(frozen=True)
class Claim:
    """A right to run something, until it is given back or taken over."""

    folder: Path
    id: str
    turn: int

    @property
    def path(self) -> Path:
        """The file that says so."""
        return self.folder / f"{self.id}.{self.turn}"

    def beat(self) -> bool:
        """Give a sign of life; return whether the claim still holds."""
        try:
            os.utime(self.path)
        except OSError:
            return False
        return max(_turns(self.folder, self.id), default=self.turn) == self.turn

    @contextlib.contextmanager
    def held(self, lease: float = LEASE) -> Iterator[threading.Event]:
        """Beat from a thread, then give the claim back; yields an event, set where it is lost."""
        with beating(self.beat, lease / 4) as lost:
            try:
                yield lost
            finally:
                for turn in _turns(self.folder, self.id):
                    if turn <= self.turn:
                        (self.folder / f"{self.id}.{turn}").unlink(missing_ok=True)


def claim(
    folder: Path, name: str, *, lease: float = LEASE, seen: Sightings | None = None
) -> Claim | None:
    """Take what nobody alive holds; None where somebody does.

    Args:
        seen: what the caller saw of claims before.
    Raises: SourceError: the folder cannot be written.
    """
    turns = _turns(folder, name)
    last = max(turns, default=0)
    if turns and _silence(folder / f"{name}.{last}", seen or Sightings()) < lease:
        return None
    made = Claim(folder, name, last + 1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with made.path.open("x", encoding="utf-8") as file:
            file.write(f"{socket.gethostname()} {os.getpid()}\n")
    except FileExistsError:
        return None
    except OSError as error:
        with contextlib.suppress(OSError):  # where it was made, but could not be filled
            made.path.unlink()
        raise SourceError(f"{str(folder)!r} cannot be written: {error.strerror}") from None
    return made


def _turns(folder: Path, name: str) -> list[int]:
    return [int(p.suffix[1:]) for p in folder.glob(f"{name}.*") if p.suffix[1:].isdigit()]


def _silence(path: Path, seen: Sightings) -> float:
    """Seconds since the last sign of life; 0 where it has just been given back."""
    try:
        beat = path.stat().st_mtime
    except OSError:
        return 0.0
    return max(time.time() - beat, seen.silence(path.name, beat))
