"""Files: the name of a table's, one that is whole or absent, one in two folders."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]|^\.|%(?=[0-9A-F]{2})")
_LONGEST = 200
"""Bytes; file systems allow 255, and writers append suffixes."""
_ABANDONED = 3600.0
"""Seconds after its last byte that a file aside is taken for a dead process's."""


def table_file(folder: Path, table: str) -> Path:
    """Return the Parquet file of `table` under `folder`.

    Path separators, control characters and a leading dot are percent-encoded; a very long name is
    cut and gets a hash. RelBench reads every table that needs neither.
    """
    name = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", table)
    encoded = name.encode()
    if len(encoded) > _LONGEST:
        tail = hashlib.blake2b(encoded, digest_size=8).hexdigest()
        name = encoded[: _LONGEST - 17].decode(errors="ignore") + "-" + tail
    return folder / f"{name}.parquet"


@contextlib.contextmanager
def aside_of(path: Path) -> Iterator[Path]:
    """Yield a file that becomes `path` once it is written, so that readers see whole ones only.

    Its name is its writer's alone: two processes at one file leave what one of them wrote.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):  # its writer may be done with it this moment
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def share(file: Path, place: Path) -> None:
    """Have one file in two folders where the disk can do that, else a copy."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)
