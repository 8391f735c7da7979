"""The CPU's crossing of a node's relations: what is made of a node stays in the first cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgl.ops.backends.numba_kernels import add, compiled, dot, inlined
from hgl.ops.backends.numba_softmax import exponential
from hgl.ops.backends.numba_vectors import WIDE, load, store

ROWS = 512
"""Nodes in a block. What all nodes add to is summed by block, so that threads change no bit."""


@inlined
def _gate(
    node: int,
    z: np.ndarray,
    own: np.ndarray,
    bias: np.ndarray,
    gate: Any,
    sizes: tuple[int, int, int, int, int],
    gated: np.ndarray,
) -> None:
    """[relations, channels] of a node: its residual and what it received, mixed."""
    relations, residuals, nodes, width, _ = sizes
    for relation in range(relations):
        of_z = (relation * nodes + node) * width
        of_own = (min(relation, residuals - 1) * nodes + node) * width
        for k in range(width):
            kept, pooled = load(own, of_own + k) + load(bias, k), load(z, of_z + k)
            pooled = z.dtype.type(0) if pooled <= 0 else pooled
            store(gated, relation * width + k, kept + gate * (pooled - kept))


@inlined
def _weigh(
    gated: np.ndarray,
    query: np.ndarray,
    first: int,
    slope: Any,
    sizes: tuple[int, int, int, int, int],
    score: np.ndarray,
    weight: np.ndarray,
    peak: np.ndarray,
    total: np.ndarray,
) -> None:
    """[relations, heads] scores and weights for the query that begins at `first`."""
    relations, _, _, width, heads = sizes
    channels, one, count = width // heads, query.dtype.type(1), relations * heads
    for head in range(heads):
        store(peak, head, query.dtype.type(-np.inf))
        store(total, head, query.dtype.type(0))
    for place in range(0, count, heads):
        for head in range(heads):
            shift = head * channels
            at = place * channels + shift
            value = dot(gated, at, query, first + shift, channels)
            value *= one if value > 0 else slope
            store(score, place + head, value)
            store(peak, head, max(value, load(peak, head)))
    for place in range(0, count, heads):
        for head in range(heads):
            store(weight, place + head, load(score, place + head) - load(peak, head))
    for place in range(-(-count // WIDE) * WIDE):  # whole vectors, as the last has no other
        store(weight, place, exponential(load(weight, place)))
    for place in range(0, count, heads):
        for head in range(heads):
            store(total, head, load(total, head) + load(weight, place + head))
    for place in range(0, count, heads):
        for head in range(heads):
            store(weight, place + head, load(weight, place + head) / load(total, head))


@compiled
def gated_crossing(
    begin: int,
    end: int,
    z: np.ndarray,
    own: np.ndarray,
    bias: np.ndarray,
    gate: Any,
    query: np.ndarray,
    slope: Any,
    sizes: tuple[int, int, int, int, int],
    out: np.ndarray,
) -> None:
    """Blocks `begin` to `end` of nodes.

    Args:
        sizes: relations, residuals, nodes, channels of all heads, heads.
    """
    relations, _, nodes, width, heads = sizes
    channels, queries = width // heads, len(query) // width
    gated = np.empty(relations * width, z.dtype)
    score = np.zeros(relations * heads + WIDE, z.dtype)
    weight = np.zeros_like(score)
    peak, total = np.empty(heads, z.dtype), np.empty(heads, z.dtype)
    for node in range(begin * ROWS, min(end * ROWS, nodes)):
        _gate(node, z, own, bias, gate, sizes, gated)
        for asked in range(queries):
            first, into = asked * width, (asked * nodes + node) * width
            _weigh(gated, query, first, slope, sizes, score, weight, peak, total)
            out[into : into + width] = 0
            for relation in range(relations):
                for head in range(heads):
                    shift = head * channels
                    share = load(weight, relation * heads + head)
                    add(out, into + shift, share, gated, relation * width + shift, channels)


@compiled
def gated_crossing_backward(
    begin: int,
    end: int,
    grad: np.ndarray,
    z: np.ndarray,
    own: np.ndarray,
    bias: np.ndarray,
    gate: Any,
    query: np.ndarray,
    slope: Any,
    sizes: tuple[int, int, int, int, int],
    of_z: np.ndarray,
    of_own: np.ndarray,
    shared: np.ndarray,
) -> None:
    """Gradients; `shared` has those of query, bias and gate, side by side for each block."""
    relations, residuals, nodes, width, heads = sizes
    channels, queries = width // heads, len(query) // width
    size, zero, one = (queries + 1) * width + 1, z.dtype.type(0), z.dtype.type(1)
    gated, of_gated = np.empty(relations * width, z.dtype), np.empty(relations * width, z.dtype)
    score = np.zeros(relations * heads + WIDE, z.dtype)
    weight = np.zeros_like(score)
    pull, mean = np.empty(relations * heads, z.dtype), np.empty(heads, z.dtype)
    peak, total = np.empty(heads, z.dtype), np.empty(heads, z.dtype)
    for block in range(begin, end):
        of_query = block * size
        of_bias, of_gate = of_query + queries * width, 0.0
        shared[of_query : of_query + size] = 0
        for node in range(block * ROWS, min((block + 1) * ROWS, nodes)):
            _gate(node, z, own, bias, gate, sizes, gated)
            of_gated[:] = 0
            for asked in range(queries):
                first, given = asked * width, (asked * nodes + node) * width
                _weigh(gated, query, first, slope, sizes, score, weight, peak, total)
                mean[:] = 0
                for relation in range(relations):
                    for head in range(heads):
                        shift, place = head * channels, relation * heads + head
                        at = relation * width + shift
                        value = dot(gated, at, grad, given + shift, channels)
                        store(pull, place, value)
                        store(mean, head, load(mean, head) + load(weight, place) * value)
                for relation in range(relations):
                    for head in range(heads):
                        shift, place = head * channels, relation * heads + head
                        at, share = relation * width + shift, load(weight, place)
                        value = share * (load(pull, place) - load(mean, head))
                        value *= one if load(score, place) > 0 else slope
                        add(of_gated, at, share, grad, given + shift, channels)
                        add(of_gated, at, value, query, first + shift, channels)
                        add(shared, of_query + first + shift, value, gated, at, channels)
            for relation in range(relations):
                at = (relation * nodes + node) * width
                to = (min(relation, residuals - 1) * nodes + node) * width
                if relation < residuals:
                    of_own[to : to + width] = 0
                here = zero
                for k in range(width):
                    value, pooled = load(of_gated, relation * width + k), load(z, at + k)
                    kept = load(own, to + k) + load(bias, k)
                    here += value * ((zero if pooled <= 0 else pooled) - kept)
                    store(of_z, at + k, zero if pooled <= 0 else value * gate)
                add(of_own, to, one - gate, of_gated, relation * width, width)
                add(shared, of_bias, one - gate, of_gated, relation * width, width)
                of_gate += here
        store(shared, of_bias + width, z.dtype.type(of_gate))
