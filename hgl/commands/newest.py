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
    found = [path for path in Path("outputs").glob(f"*/*/{file}") if path.is_file()]
    if not found:
        raise ConfigError(
            f"{argument}=null: no hgl {verb} has left anything under outputs/; expected "
            f"{argument}=<the folder that one left>"
        )
    newest = max(found, key=lambda path: path.stat().st_mtime)
    return newest.parents[len(Path(file).parents) - 1]
