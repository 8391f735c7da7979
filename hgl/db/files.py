"""File names of tables: the table's own name wherever a file system allows it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]|^\.|%(?=[0-9A-F]{2})")
_LONGEST = 200
"""Bytes; file systems allow 255, and writers append suffixes."""


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


def share(file: Path, place: Path) -> None:
    """Have one file in two folders where the disk can do that, else a copy."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)
