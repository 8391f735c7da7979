"""Arrays that stay on disk, of which single rows are read in no order."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

READ_AHEAD_BELOW = 1 << 26
"""Bytes of a file above which the system reads the pages asked for alone. It would read their
neighbours as well, which pushes what is needed again out of memory where not all of it fits."""


def mapped(path: Path) -> np.ndarray:
    """Map a `.npy` file, never unpickled; what is written to the array goes nowhere."""
    array = np.load(path, mmap_mode="c", allow_pickle=False)
    advised = hasattr(mmap, "MADV_RANDOM") and isinstance(array.base, mmap.mmap)
    if advised and array.nbytes > READ_AHEAD_BELOW:
        array.base.madvise(mmap.MADV_RANDOM)
    return array
