"""The CPU kernels: loops over segments that ask for the rows of edges to come in advance.

Arrays are flat, in C order. Kernels do the segments `begin` to `end`, each as if there were no
other, so any split over threads gives the same bits. They hold no Python object and release the
GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from hgl.ops.backends.numba_vectors import (
    NARROW,
    WIDE,
    add_narrow,
    add_wide,
    dot_narrow,
    dot_wide,
    load,
    prefetch,
    store,
)

AHEAD = 16
"""Edges between asking for a row and using it."""
LINES = 8
"""Cache lines asked for of a row; of the rest of a longer one the processor thinks itself."""
_LINE_BYTES = 64

# Sums may change order and fuse; NaN and infinity stay what they are.
FAST = {"reassoc", "contract"}
compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
inlined = njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST, inline="always")


@inlined
def ask(x: np.ndarray, start: int, width: int) -> None:
    """Ask for the first lines of the `width` elements from `start` on."""
    line = _LINE_BYTES // x.itemsize
    for place in range(start, start + min(width, LINES * line), line):
        prefetch(x, place)


@inlined
def add(out: np.ndarray, i: int, factor: Any, x: np.ndarray, j: int, width: int) -> None:
    """out[i:i + width] += factor * x[j:j + width]."""
    k = 0
    while k + WIDE <= width:
        add_wide(out, i + k, factor, x, j + k)
        k += WIDE
    if k + NARROW <= width:
        add_narrow(out, i + k, factor, x, j + k)
        k += NARROW
    while k < width:
        store(out, i + k, load(out, i + k) + factor * load(x, j + k))
        k += 1


@inlined
def dot(a: np.ndarray, i: int, b: np.ndarray, j: int, width: int) -> Any:
    """Dot product of a[i:i + width] and b[j:j + width]."""
    total, k = a.dtype.type(0), 0
    while k + WIDE <= width:
        total += dot_wide(a, i + k, b, j + k)
        k += WIDE
    if k + NARROW <= width:
        total += dot_narrow(a, i + k, b, j + k)
        k += NARROW
    while k < width:
        total += load(a, i + k) * load(b, j + k)
        k += 1
    return total


@compiled
def edge_dot(
    begin: int,
    end: int,
    a: np.ndarray,
    b: np.ndarray,
    src: np.ndarray,
    ptr: np.ndarray,
    heads: int,
    channels: int,
    out: np.ndarray,
) -> None:
    """Dot of row `segment` of `a` with row src[edge] of `b`, per edge and head."""
    width, final = heads * channels, len(src) - 1
    for segment in range(begin, end):
        own = segment * width
        for edge in range(np.int64(ptr[segment]), np.int64(ptr[segment + 1])):
            ask(b, load(src, min(edge + AHEAD, final)) * width, width)
            other = load(src, edge) * width
            for head in range(heads):
                shift = head * channels
                value = dot(a, own + shift, b, other + shift, channels)
                store(out, edge * heads + head, value)


@compiled
def weighted_sum(
    begin: int,
    end: int,
    x: np.ndarray,
    weight: np.ndarray,
    src: np.ndarray,
    ptr: np.ndarray,
    heads: int,
    channels: int,
    out: np.ndarray,
) -> None:
    """Sum of weight[edge] times row src[edge] of `x`, head by head."""
    width, final = heads * channels, len(src) - 1
    for segment in range(begin, end):
        own = segment * width
        out[own : own + width] = 0
        for edge in range(np.int64(ptr[segment]), np.int64(ptr[segment + 1])):
            ask(x, load(src, min(edge + AHEAD, final)) * width, width)
            other = load(src, edge) * width
            for head in range(heads):
                shift, share = head * channels, load(weight, edge * heads + head)
                add(out, own + shift, share, x, other + shift, channels)


@compiled
def weighted_sum_backward(
    begin: int,
    end: int,
    x: np.ndarray,
    weight: np.ndarray,
    grad: np.ndarray,
    back_src: np.ndarray,
    back_ptr: np.ndarray,
    back_edge: np.ndarray,
    heads: int,
    channels: int,
    grad_x: np.ndarray,
    grad_weight: np.ndarray,
) -> None:
    """Both gradients in one pass over the sources, for which each edge's row comes only once."""
    width, final = heads * channels, len(back_src) - 1
    for row in range(begin, end):
        own = row * width
        grad_x[own : own + width] = 0
        for place in range(np.int64(back_ptr[row]), np.int64(back_ptr[row + 1])):
            coming = min(place + AHEAD, final)
            ask(grad, load(back_src, coming) * width, width)
            prefetch(weight, load(back_edge, coming) * heads)
            prefetch(grad_weight, load(back_edge, coming) * heads)
            other, edge = load(back_src, place) * width, load(back_edge, place) * heads
            for head in range(heads):
                shift = head * channels
                value = dot(x, own + shift, grad, other + shift, channels)
                store(grad_weight, edge + head, value)
                add(grad_x, own + shift, load(weight, edge + head), grad, other + shift, channels)
