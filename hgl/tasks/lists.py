"""Lists of rows, one per seed, in two arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Lists:
    """Ascending rows per seed, without repetition.

    Attributes:
        ptr: [n + 1] int64; list i is `values[ptr[i]:ptr[i + 1]]`.
        values: [total] int64 row positions, 0 or more.
    """

    ptr: np.ndarray
    values: np.ndarray

    @classmethod
    def grouped(cls, owner: np.ndarray, values: np.ndarray, count: int) -> Lists:
        """Collect values by owner.

        Args:
            owner: [pairs] int64 list of each value, 0 to `count` - 1.
            values: [pairs] int64; a value that an owner has twice counts once.
        """
        pairs = np.unique(np.stack([owner, values], axis=1).reshape(-1, 2), axis=0)
        return cls(np.searchsorted(pairs[:, 0], np.arange(count + 1)), pairs[:, 1].copy())

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @property
    def counts(self) -> np.ndarray:
        """[n] length of each list."""
        return np.diff(self.ptr)

    @property
    def owner(self) -> np.ndarray:
        """[total] list of each value."""
        return np.repeat(np.arange(len(self)), self.counts)

    def __getitem__(self, chosen: np.ndarray) -> Lists:
        """Return the lists at `chosen`: [m] positions in any order, or [n] bool."""
        chosen = np.arange(len(self))[chosen]
        counts = self.counts[chosen]
        ptr = np.concatenate([[0], counts.cumsum()])
        within = np.arange(ptr[-1]) - np.repeat(ptr[:-1], counts)
        return Lists(ptr, self.values[np.repeat(self.ptr[chosen], counts) + within])

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """[n, k] rows, -1 for none, to [n, k] bool: whether list i holds each of row i."""
        width = int(max(self.values.max(initial=0), rows.max(initial=0))) + 1
        keys = self.owner * width + self.values
        asked = np.arange(len(self))[:, None] * width + rows
        place = np.searchsorted(keys, asked)
        found = np.append(keys, -1)[place]
        return (found == asked) & (rows >= 0)

    def tobytes(self) -> bytes:
        """Return the content, for hashing."""
        return self.ptr.tobytes() + self.values.tobytes()
