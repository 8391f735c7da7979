"""Arrays that stay on disk, of which single rows are read in no order."""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hgl.memory import room

if TYPE_CHECKING:
    from torch import Tensor

READ_AHEAD_BELOW = 1 << 26
"""Bytes of a file above which the system reads the pages asked for alone. It would read their
neighbours as well, which pushes what is needed again out of memory where not all of it fits."""
_LARGE: dict[int, weakref.ref[mmap.mmap]] = {}
"""Mappings of such files by the address of their first number."""


def mapped(path: Path) -> np.ndarray:
    """Map a `.npy` file, never unpickled; what is written to the array goes nowhere."""
    array = np.load(path, mmap_mode="c", allow_pickle=False)
    advised = hasattr(mmap, "MADV_RANDOM") and isinstance(array.base, mmap.mmap)
    if advised and array.nbytes > READ_AHEAD_BELOW:
        array.base.madvise(mmap.MADV_RANDOM)
        address = array.ctypes.data
        _LARGE[address] = weakref.ref(array.base, lambda _: _LARGE.pop(address, None))
    return array


def read_ahead(arrays: Iterable[Tensor]) -> None:
    """Let the system read neighbours after all where memory holds everything that will be read."""
    arrays = list(arrays)
    if sum(array.nbytes for array in arrays) > room():
        return
    for array in arrays:
        if mapping := _LARGE.get(array.data_ptr(), lambda: None)():
            mapping.madvise(mmap.MADV_NORMAL)
