"""What a command left last, for the next one to go on with; needs no PyTorch."""

from __future__ import annotations

from pathlib import Path

from hgl.errors import ConfigError

ARTEFACT = "artefact"
"""Folder of the student that ships, below that of its distillation."""


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
    """
    found = [path for path in Path("outputs").glob(pattern) if path.is_file()]
    if not found:
        return None
    return max(found, key=lambda path: path.stat().st_mtime).parents[depth - 1]
