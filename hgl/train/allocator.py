"""What the C library does with freed memory."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE = 1 << 18
"""Bytes from which a block is mapped alone, so that freeing it gives it back."""


def free_eagerly() -> bool:
    """Give large freed blocks back to the system at once, in this process from now on.

    glibc keeps freed blocks of up to 32 MB for later, in one arena per thread; of a training step's
    temporaries that is about as much again as is in use. Mapping each block anew costs page faults.

    Returns: False where the C library is not glibc, which then goes on as before.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(
        mallopt(_M_MMAP_THRESHOLD, _LARGE) and mallopt(_M_ARENA_MAX, 1)
    )
