"""The CPU's softmax kernels; what `numba_kernels` says of its own holds for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from hgl.ops.backends.numba_kernels import AHEAD, FAST, ask, compiled
from hgl.ops.backends.numba_vectors import load, store

_LEAST = np.float32(-87)
"""The least number whose exponential float32 holds in full precision."""
_LOG2_E, _LN2_HIGH, _LN2_LOW = map(np.float32, (1.442695041, 0.693359375, -2.12194440e-4))
_C2, _C3, _C4 = map(np.float32, (0.5000000012, 0.1666666546, 0.04166579589))
_C5, _C6, _C7 = map(np.float32, (0.008333451907, 0.0013981999507, 0.00019875691500))
"""Cephes' polynomial for exp on [-ln(2) / 2, ln(2) / 2]."""
_BIAS, _FRACTION_BITS = np.int32(127), np.int32(23)


def exponential(x: Any) -> Any:
    """exp(x) for x <= 0."""


@overload(exponential, jit_options={"fastmath": FAST})
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


@compiled
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
            store(out, place, exponential(load(out, place)))
        for head in range(heads):
            total = 0.0
            for place in range(first + head, last, heads):
                total += load(out, place)
            share = score.dtype.type(1 / total)
            for place in range(first + head, last, heads):
                store(out, place, load(out, place) * share)


@compiled
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


@compiled
def edge_softmax(
    begin: int,
    end: int,
    score_src: np.ndarray,
    score_dst: np.ndarray,
    edge: np.ndarray | None,
    src: np.ndarray,
    ptr: np.ndarray,
    slope: Any,
    lanes: tuple[int, ...],
    weight: np.ndarray,
    positive: np.ndarray,
) -> None:
    """Softmax within segments of LeakyReLU(both ends' scores and the edge's own).

    Args:
        lanes: one number per head, so that their count is known when this is compiled.
    """
    heads, final, one = len(lanes), len(src) - 1, weight.dtype.type(1)
    peak, total = np.empty(heads, weight.dtype), np.empty(heads)
    for segment in range(begin, end):
        first, last = np.int64(ptr[segment]), np.int64(ptr[segment + 1])
        places = range(first * heads, last * heads, heads)
        for head in range(heads):
            store(peak, head, weight.dtype.type(-np.inf))
            store(total, head, 0.0)
        for number in range(first, last):
            ask(score_src, load(src, min(number + AHEAD, final)) * heads, heads)
            other, place = load(src, number) * heads, number * heads
            for head in range(heads):
                value = load(score_src, other + head) + load(score_dst, segment * heads + head)
                if edge is not None:
                    value += load(edge, place + head)
                store(positive, place + head, np.uint8(value > 0))
                value *= one if value > 0 else slope
                store(weight, place + head, value)
                store(peak, head, max(value, load(peak, head)))
        for place in places:
            for head in range(heads):
                store(weight, place + head, load(weight, place + head) - load(peak, head))
        for place in range(first * heads, last * heads):
            store(weight, place, exponential(load(weight, place)))
        for place in places:
            for head in range(heads):
                store(total, head, load(total, head) + load(weight, place + head))
        for head in range(heads):
            store(peak, head, weight.dtype.type(1 / load(total, head)))
        for place in places:
            for head in range(heads):
                store(weight, place + head, load(weight, place + head) * load(peak, head))


@compiled
def edge_softmax_backward(
    begin: int,
    end: int,
    weight: np.ndarray,
    positive: np.ndarray,
    grad: np.ndarray,
    ptr: np.ndarray,
    slope: Any,
    lanes: tuple[int, ...],
    of_edge: np.ndarray,
    of_dst: np.ndarray,
) -> None:
    """Gradients of the edges' own scores and of the targets'."""
    heads, one, zero = len(lanes), weight.dtype.type(1), weight.dtype.type(0)
    total = np.empty(heads)
    for segment in range(begin, end):
        own = segment * heads
        places = range(np.int64(ptr[segment]) * heads, np.int64(ptr[segment + 1]) * heads, heads)
        for head in range(heads):
            store(total, head, 0.0)
            store(of_dst, own + head, zero)
        for place in places:
            for head in range(heads):
                pull = load(weight, place + head) * load(grad, place + head)
                store(total, head, load(total, head) + pull)
        for place in places:
            for head in range(heads):
                mean = weight.dtype.type(load(total, head))
                pull = load(weight, place + head) * (load(grad, place + head) - mean)
                pull *= one if load(positive, place + head) else slope
                store(of_edge, place + head, pull)
                store(of_dst, own + head, load(of_dst, own + head) + pull)
