"""A lock that dies with its process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold `folder` (made when absent) for this process; yields False when another holds it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as file:
            mine = _try_lock(file)
            if mine and not _is_at(file, folder / "lock"):
                continue  # whoever held it has just removed the folder
            yield mine
            return


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether the open `file` is still what `path` names."""
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
