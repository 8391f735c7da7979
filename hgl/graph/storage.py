"""A folder of `.npy` arrays with an index; arrays come back memory-mapped, never unpickled."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hgl.errors import CacheError
from hgl.graph.edges import Empty
from hgl.mapped import mapped

VERSION = 2
"""Raised when the layout changes, so that older folders are refused."""
_INDEX = "index.json"


def in_files(folder: Path) -> Empty:
    """Return a maker of arrays that lie in nameless files on the disk of `folder`.

    The system writes them out when memory is short, and drops them with their last reference.
    OSError, from the maker: the disk has no room for one.
    """

    def empty(length: int, kind: type) -> np.ndarray:
        if not length:
            return np.empty(0, kind)
        with tempfile.TemporaryFile(dir=folder) as file:
            # A file with holes on a full disk would kill the process that writes to it (SIGBUS).
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, length * np.dtype(kind).itemsize)
            return np.asarray(np.memmap(file, kind, "w+", shape=(length,)))

    return empty


class ArrayWriter:
    """Writes arrays to `folder`, then the index that makes the folder whole."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._sizes = folder, dict[str, int]()

    def write(self, name: str, array: Tensor | None) -> None:
        """Write one array; None is remembered as absent."""
        if array is not None:
            path = self.folder / f"{name}.npy"
            np.save(path, array.cpu().numpy(), allow_pickle=False)
            self._sizes[name] = path.stat().st_size

    def close(self, content: Mapping[str, Any]) -> None:
        """Write the index: `content` and the size of every file."""
        index = {"version": VERSION, "files": self._sizes, **content}
        (self.folder / _INDEX).write_text(json.dumps(index))


class ArrayReader:
    """Maps the arrays of a folder.

    Attributes:
        index: the content the writer was closed with.
    Raises: CacheError: the folder is not whole, or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.index: dict[str, Any] = json.loads((folder / _INDEX).read_text())
        except (OSError, ValueError):
            raise CacheError(f"folder {folder}: expected a readable {_INDEX}") from None
        if self.index.get("version") != VERSION:
            found = self.index.get("version")
            raise CacheError(f"folder {folder}: version {found}, expected {VERSION}")
        for name, size in self.index["files"].items():
            path = folder / f"{name}.npy"
            if not path.exists() or path.stat().st_size != size:
                raise CacheError(f"folder {folder}: {path.name} is missing or cut short")

    def find(self, name: str) -> Tensor | None:
        """Return an array, None where none of that name was written."""
        if name not in self.index["files"]:
            return None
        # Copy-on-write, because torch warns about read-only memory; nothing writes to it.
        return torch.from_numpy(mapped(self.folder / f"{name}.npy"))
