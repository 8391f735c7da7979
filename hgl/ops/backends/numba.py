"""numba's kernels, for the CPU; the sums that torch does faster are torch's.

What is neither float32 nor float64, or not on the CPU, goes to torch.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hgl.ops.backends import numba_crossing, numba_softmax, torch_crossing
from hgl.ops.backends import numba_kernels as kernels
from hgl.ops.backends import torch as plain
from hgl.ops.backends.torch import row_sum

__all__ = [
    "edge_dot",
    "edge_softmax",
    "edge_softmax_backward",
    "gated_crossing",
    "gated_crossing_backward",
    "row_sum",
    "softmax",
    "softmax_backward",
    "weighted_sum",
    "weighted_sum_backward",
]

_LINE_BYTES = 64
"""Rows begin with a cache line, where their width allows it."""
SHARES_PER_THREAD = 4
"""Segments differ in cost, so each thread takes several smaller shares."""
SMALL = 1 << 16
"""Numbers to compute below which one thread does it all."""


def weighted_sum(x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`: all heads in one pass; with one head torch's single precision is faster."""
    if not _fits(x, weight) or (x.shape[1] == 1 and x.dtype == torch.float32):
        return plain.weighted_sum(x, weight, src, ptr)
    heads, channels = x.shape[1:]
    out = _fresh(x, ptr.numel() - 1, heads, channels)
    args = (*_flat(x, weight, src, ptr), heads, channels, *_flat(out))
    _share(kernels.weighted_sum, len(out), weight.numel() * channels, *args)
    return out


def softmax(score: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    if not _fits(score):
        return plain.softmax(score, ptr)
    out = _fresh(score, *score.shape)
    args = (*_flat(score, ptr), score.shape[1], *_flat(out))
    _share(numba_softmax.softmax, ptr.numel() - 1, score.numel(), *args)
    return out


def softmax_backward(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    if not _fits(weight, grad):
        return plain.softmax_backward(weight, grad, ptr)
    out = _fresh(weight, *weight.shape)
    args = (*_flat(weight, grad, ptr), weight.shape[1], *_flat(out))
    _share(numba_softmax.softmax_backward, ptr.numel() - 1, weight.numel(), *args)
    return out


def edge_softmax(
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    ptr: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor]:
    """See `WeighingBackend`."""
    scores = [x for x in (score_src, score_dst, edge) if x is not None]
    if not _fits(*scores):
        return plain.edge_softmax(score_src, score_dst, edge, src, ptr, negative_slope)
    heads = score_src.shape[1]
    weight = _fresh(score_src, len(src), heads)
    positive = weight.new_empty(weight.shape, dtype=torch.uint8)
    edges = [None] if edge is None else _flat(edge)
    args = (*_flat(score_src, score_dst), *edges, *_flat(src, ptr))
    args = (*args, *_lanes(weight, negative_slope), *_flat(weight, positive))
    _share(numba_softmax.edge_softmax, ptr.numel() - 1, weight.numel(), *args)
    return weight, positive.view(torch.bool)


def edge_softmax_backward(
    weight: Tensor, positive: Tensor, grad: Tensor, ptr: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor]:
    """See `WeighingBackend`."""
    if not _fits(weight, grad):
        return plain.edge_softmax_backward(weight, positive, grad, ptr, negative_slope)
    segments = ptr.numel() - 1
    of_edge, of_dst = (_fresh(weight, n, weight.shape[1]) for n in (len(weight), segments))
    args = (*_flat(weight, positive.view(torch.uint8), grad, ptr), *_lanes(weight, negative_slope))
    _share(
        *(numba_softmax.edge_softmax_backward, segments, weight.numel()),
        *(*args, *_flat(of_edge, of_dst)),
    )
    return of_edge, of_dst


def edge_dot(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`: in one pass."""
    if not _fits(a, b):
        return plain.edge_dot(a, b, src, ptr)
    heads, channels = a.shape[1:]
    out = _fresh(a, src.numel(), heads)
    args = (*_flat(a, b, src, ptr), heads, channels, *_flat(out))
    _share(kernels.edge_dot, len(a), out.numel() * channels, *args)
    return out


def weighted_sum_backward(
    x: Tensor,
    weight: Tensor,
    grad: Tensor,
    src: Tensor,
    ptr: Tensor,
    back_src: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
) -> tuple[Tensor, Tensor]:
    """See `Backend`: one pass over the edges by source."""
    back = (back_src, back_ptr, back_edge)
    if not _fits(x, weight, grad):
        return plain.weighted_sum_backward(x, weight, grad, src, ptr, *back)
    heads, channels = x.shape[1:]
    grad_x, grad_weight = _fresh(x, *x.shape), _fresh(weight, *weight.shape)
    args = (*_flat(x, weight, grad, *back), heads, channels, *_flat(grad_x, grad_weight))
    _share(kernels.weighted_sum_backward, len(x), weight.numel() * channels, *args)
    return grad_x, grad_weight


def gated_crossing(
    z: Tensor, own: Tensor, bias: Tensor, gate: Tensor, query: Tensor, negative_slope: float
) -> Tensor:
    """See `hgl.ops.gated_crossing`."""
    if not _fits(z, own, bias, gate, query):
        return torch_crossing.gated_crossing(z, own, bias, gate, query, negative_slope)
    out = _fresh(z, len(query), *z.shape[1:])
    args = _crossing_args(z, own, bias, gate, query, negative_slope)
    _share(numba_crossing.gated_crossing, _blocks(z), out.numel() * len(z), *args, *_flat(out))
    return out


def gated_crossing_backward(
    grad: Tensor,
    z: Tensor,
    own: Tensor,
    bias: Tensor,
    gate: Tensor,
    query: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """See `torch_crossing`."""
    tensors = (z, own, bias, gate, query, negative_slope)
    if not _fits(grad, *tensors[:5]):
        return torch_crossing.gated_crossing_backward(grad, *tensors)
    of_z, of_own = _fresh(z, *z.shape), _fresh(own, *own.shape)
    shared = _fresh(z, _blocks(z), query.numel() + z.shape[2] + 1)
    args = (*_flat(grad), *_crossing_args(*tensors), *_flat(of_z, of_own, shared))
    size = grad.numel() * len(z)
    _share(numba_crossing.gated_crossing_backward, _blocks(z), size, *args)
    of_query, of_bias, of_gate = shared.sum(0).split([query.numel(), z.shape[2], 1])
    return of_z, of_own, of_bias, of_gate.view(gate.shape), of_query.view(query.shape)


def _crossing_args(
    z: Tensor, own: Tensor, bias: Tensor, gate: Tensor, query: Tensor, slope: float
) -> tuple[Any, ...]:
    sizes = (len(z), len(own), *z.shape[1:], query.shape[1])
    numbers = (x.detach().numpy()[()] for x in (gate, z.new_tensor(slope)))
    return *_flat(z, own, bias), next(numbers), *_flat(query), next(numbers), sizes


def _blocks(z: Tensor) -> int:
    return -(-z.shape[1] // numba_crossing.ROWS)


def _fits(*tensors: Tensor) -> bool:
    kind = tensors[0].dtype
    return kind in (torch.float32, torch.float64) and all(
        x.device.type == "cpu" and x.dtype == kind for x in tensors
    )


def _fresh(like: Tensor, *shape: int) -> Tensor:
    """Memory for results; numpy asks for it in huge pages, torch only where it is told to."""
    size = math.prod(shape) * like.itemsize
    memory = np.empty(size + _LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % _LINE_BYTES
    return torch.from_numpy(memory[start : start + size]).view(like.dtype).view(shape)


def _lanes(x: Tensor, slope: float) -> tuple[Any, tuple[int, ...]]:
    """The slope in the precision of `x`, and its heads."""
    return x.new_tensor(slope).numpy()[()], (0,) * x.shape[1]


def _flat(*tensors: Tensor) -> list[np.ndarray]:
    """The numbers in C order, without a copy where they are."""
    return [x.detach().contiguous().view(-1).numpy() for x in tensors]


def _share(kernel: Callable[..., None], segments: int, size: int, *args: Any) -> None:
    """Run a kernel on shares of the segments, as many at a time as torch has threads."""
    threads = torch.get_num_threads() if size > SMALL else 1
    if threads == 1:
        kernel(0, segments, *args)
        return
    step = -(-segments // (threads * SHARES_PER_THREAD))
    shares = ((begin, min(begin + step, segments)) for begin in range(0, segments, step))
    for done in [_pool(threads, os.getpid()).submit(kernel, *ends, *args) for ends in shares]:
        done.result()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process; a fork has none of its parent's."""
    return ThreadPoolExecutor(threads, thread_name_prefix="hgl-ops")
