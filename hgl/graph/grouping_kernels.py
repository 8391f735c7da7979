"""Grouping on the CPU: a hash pass and a counting sort instead of comparison sorts."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def distinct(values: np.ndarray, found: np.ndarray, index: np.ndarray) -> int:
    """Number the distinct values by first appearance; see `hgl.graph.grouping.distinct`.

    Args:
        values: [n] int64.
        found: [n] int64, receives the distinct values.
        index: [n] int64, receives each value's number.
    Returns: how many were found.
    """
    slots = 2
    while slots < 2 * len(values):
        slots *= 2
    table = np.full(slots, -1, np.int32)
    count = 0
    for i in range(len(values)):
        hashed = np.uint64(values[i]) * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64(hashed >> np.uint64(32)) & (slots - 1)
        while table[slot] >= 0 and found[table[slot]] != values[i]:
            slot = (slot + 1) & (slots - 1)
        if table[slot] < 0:
            table[slot], found[count] = count, values[i]
            count += 1
        index[i] = table[slot]
    return count


@njit(nogil=True, cache=True)
def group(index: np.ndarray, values: np.ndarray, ptr: np.ndarray, grouped: np.ndarray) -> None:
    """Group values by index, stable; see `hgl.graph.grouping.group`.

    Args:
        index: [n] int32 or int64.
        values: [n] int32.
        ptr: [num_groups + 1] int32, zero, receives where each group begins.
        grouped: [n] int32, receives the values group by group.
    """
    for i in range(len(index)):
        ptr[index[i] + 1] += 1
    for g in range(1, len(ptr)):
        ptr[g] += ptr[g - 1]
    for i in range(len(index)):
        g = index[i]
        grouped[ptr[g]] = values[i]
        ptr[g] += 1
    for g in range(len(ptr) - 1, 0, -1):
        ptr[g] = ptr[g - 1]
    ptr[0] = 0
