"""The CPU kernels: loops over segments that ask for the rows of edges to come in advance.

Arrays are flat, in C order. Kernels do the segments `begin` to `end`, each as if there were no
other, so any split over threads gives the same bits. They hold no Python object and release the
GIL.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

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
_LEAST = np.float32(-87)
"""The least number whose exponential float32 holds in full precision."""
_LOG2_E, _LN2_HIGH, _LN2_LOW = map(np.float32, (1.442695041, 0.693359375, -2.12194440e-4))
_C2, _C3, _C4 = map(np.float32, (0.5000000012, 0.1666666546, 0.04166579589))
_C5, _C6, _C7 = map(np.float32, (0.008333451907, 0.0013981999507, 0.00019875691500))
"""Cephes' polynomial for exp on [-ln(2) / 2, ln(2) / 2]."""
_BIAS, _FRACTION_BITS = np.int32(127), np.int32(23)

# Sums may change order and fuse; NaN and infinity stay what they are.
_FAST = {"reassoc", "contract"}
_compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
_inlined = njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST, inline="always")


def _exponential(x: Any) -> Any:
    """exp(x) for x <= 0."""


@overload(_exponential, jit_options={"fastmath": _FAST})
def _(x: Any) -> Callable[[Any], Any]:
    def double(x: Any) -> Any:
        return math.exp(x)

    def single(x: Any) -> Any:
        # A call of the C library's keeps the loop in scalars; this one becomes vectors.
        kept = _LEAST if x < _LEAST else x
        # Of NaN there is no integer, so a number stands in for it here.
        power = np.int32((kept if kept >= _LEAST else _LEAST) * _LOG2_E - np.float32(0.5))
        r = kept - np.float32(power) * _LN2_HIGH - np.float32(power) * _LN2_LOW
        tail = ((((_C7 * r + _C6) * r + _C5) * r + _C4) * r + _C3) * r + _C2
        value = tail * r * r + r + np.float32(1)
        scale = np.int32((power + _BIAS) << _FRACTION_BITS).view(np.float32)
        return np.float32(0) if x < _LEAST else value * scale

    return single if x == types.float32 else double


@_inlined
def _ask(x: np.ndarray, start: int, width: int) -> None:
    """Ask for the first lines of the `width` elements from `start` on."""
    line = _LINE_BYTES // x.itemsize
    for place in range(start, start + min(width, LINES * line), line):
        prefetch(x, place)


@_inlined
def _add(out: np.ndarray, i: int, factor: Any, x: np.ndarray, j: int, width: int) -> None:
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


@_inlined
def _dot(a: np.ndarray, i: int, b: np.ndarray, j: int, width: int) -> Any:
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


@_compiled
def softmax(
    begin: int, end: int, score: np.ndarray, ptr: np.ndarray, heads: int, out: np.ndarray
) -> None:
    """Softmax within segments; sums are in float64."""
    for segment in range(begin, end):
        first, last = np.int64(ptr[segment]) * heads, np.int64(ptr[segment + 1]) * heads
        if first == last:
            continue
        for head in range(heads):
            largest = load(score, first + head)
            for place in range(first + head, last, heads):
                value = load(score, place)
                largest = value if value > largest else largest
            for place in range(first + head, last, heads):
                store(out, place, load(score, place) - largest)
        for place in range(first, last):
            store(out, place, _exponential(load(out, place)))
        for head in range(heads):
            total = 0.0
            for place in range(first + head, last, heads):
                total += load(out, place)
            share = score.dtype.type(1 / total)
            for place in range(first + head, last, heads):
                store(out, place, load(out, place) * share)


@_compiled
def softmax_backward(
    begin: int,
    end: int,
    weight: np.ndarray,
    grad: np.ndarray,
    ptr: np.ndarray,
    heads: int,
    out: np.ndarray,
) -> None:
    """Weight times (gradient less the segment's weighted mean of it)."""
    for segment in range(begin, end):
        first, last = np.int64(ptr[segment]) * heads, np.int64(ptr[segment + 1]) * heads
        for head in range(heads):
            total = 0.0
            for place in range(first + head, last, heads):
                total += load(weight, place) * load(grad, place)
            mean = weight.dtype.type(total)
            for place in range(first + head, last, heads):
                store(out, place, load(weight, place) * (load(grad, place) - mean))


@_compiled
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
            _ask(b, load(src, min(edge + AHEAD, final)) * width, width)
            other = load(src, edge) * width
            for head in range(heads):
                shift = head * channels
                value = _dot(a, own + shift, b, other + shift, channels)
                store(out, edge * heads + head, value)


@_compiled
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
            _ask(x, load(src, min(edge + AHEAD, final)) * width, width)
            other = load(src, edge) * width
            for head in range(heads):
                shift, share = head * channels, load(weight, edge * heads + head)
                _add(out, own + shift, share, x, other + shift, channels)


@_compiled
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
            _ask(grad, load(back_src, coming) * width, width)
            prefetch(weight, load(back_edge, coming) * heads)
            prefetch(grad_weight, load(back_edge, coming) * heads)
            other, edge = load(back_src, place) * width, load(back_edge, place) * heads
            for head in range(heads):
                shift = head * channels
                value = _dot(x, own + shift, grad, other + shift, channels)
                store(grad_weight, edge + head, value)
                _add(grad_x, own + shift, load(weight, edge + head), grad, other + shift, channels)
