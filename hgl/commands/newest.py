"""What a command left last, for the next one to go on with; needs no PyTorch."""

from __future__ import annotations

import time
from pathlib import Path

from hgl.errors import ConfigError

ARTEFACT = "artefact"
"""Folder of the student that ships, below that of its distillation."""
_SKEW = 60.0
"""Seconds by which the clock of a file server may be ahead."""


def latest(argument: str, verb: str, file: str) -> Path:
    """Return the newest folder that a verb left under `outputs/`.

    Args:
        argument: that was null, for the message.
        file: what it wrote last, below its folder.
    Raises: ConfigError: there is none.
    """
    found = newest(f"*/*/{file}", len(Path(file).parents))
    if found is None:
        raise ConfigError(
            f"{argument}=null: no hgl {verb} has left anything under outputs/; expected "
            f"{argument}=<the folder that one left>"
        )
    return found


def newest(pattern: str, depth: int) -> Path | None:
    """Return the folder of the newest file under `outputs/`, or None where there is none.

    Args:
        pattern: of files.
        depth: how many levels above its file the folder is; 1 holds it.
    Raises: ConfigError: its time lies in the future, so that what came after it looks older.
    """
    found = [path for path in Path("outputs").glob(pattern) if path.is_file()]
    if not found:
        return None
    last = max(found, key=lambda path: path.stat().st_mtime)
    if last.stat().st_mtime > time.time() + _SKEW:
        raise ConfigError(
            f"{str(last)!r} is of a time to come: the clock was moved, and nothing tells which "
            "folder is the newest; expected it by name"
        )
    return last.parents[depth - 1]
