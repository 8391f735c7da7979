"""The crossing of a node's relations in plain torch, a few nodes at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

ROWS = 512
"""Nodes at a time on the CPU: what is made of them on the way stays in the cache."""


def gated_crossing(
    z: Tensor, own: Tensor, bias: Tensor, gate: Tensor, query: Tensor, negative_slope: float
) -> Tensor:
    """See `hgl.ops.gated_crossing`."""
    out = z.new_empty(len(query), *z.shape[1:])
    for part in _parts(z):
        gated = _gated(z[:, part].relu(), own[:, part] + bias, gate, query)
        for asked, into in zip(query, out[:, part]):
            weight = _shares(gated, asked, negative_slope)[1].unsqueeze(3)
            torch.sum((gated * weight).flatten(2), 0, out=into)
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
    """Gradients of all five, given that of what they made."""
    of_z, of_own = torch.empty_like(z), torch.empty_like(own)
    of_gate, of_query = torch.zeros_like(gate), torch.zeros_like(query)
    for part in _parts(z):
        pooled, kept = z[:, part].relu(), own[:, part] + bias
        gated = _gated(pooled, kept, gate, query)
        of_gated = _cross_backward(gated, query, grad[:, part], of_query, negative_slope).flatten(2)
        of_kept = of_gated if len(own) == len(z) else of_gated.sum(0, keepdim=True)
        of_gate += _dot(of_gated, pooled) - _dot(of_kept, kept)
        torch.mul(of_kept, 1 - gate, out=of_own[:, part])
        of_z[:, part] = torch.ops.aten.threshold_backward(of_gated.mul_(gate), pooled, 0)
    return of_z, of_own, of_own.sum((0, 1)), of_gate, of_query


def _cross_backward(
    gated: Tensor, query: Tensor, grad: Tensor, of_query: Tensor, slope: float
) -> Tensor:
    """Gradient of `gated`; that of the queries is added to `of_query`."""
    out = torch.zeros_like(gated)
    for asked, given, into in zip(query, grad.unflatten(2, query.shape[1:]), of_query):
        score, weight = _shares(gated, asked, slope)
        pull = _sum_last(gated * given).mul_(weight)
        pull.sub_(weight * pull.sum(0))
        pull = torch.ops.aten.leaky_relu_backward(pull, score, slope, False).unsqueeze(3)
        into += (gated * pull).sum((0, 1))
        out += weight.unsqueeze(3) * given
        out += pull * asked
    return out


def _gated(pooled: Tensor, kept: Tensor, gate: Tensor, query: Tensor) -> Tensor:
    """[relations, nodes, heads, channels / heads]."""
    return torch.lerp(kept, pooled, gate).unflatten(2, query.shape[1:])


def _shares(gated: Tensor, asked: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """Of one query: scores before the LeakyReLU, and weights; [relations, nodes, heads]."""
    score = _sum_last(gated * asked)
    return score, leaky_relu(score, slope).softmax(0)


def _sum_last(x: Tensor) -> Tensor:
    # As a product with ones: over so short a dimension twice as fast as a sum.
    return x.flatten(0, -2).mv(x.new_ones(x.shape[-1])).view(x.shape[:-1])


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten(), b.flatten())


def _parts(z: Tensor) -> Iterator[slice]:
    count = z.shape[1]
    size = ROWS if z.device.type == "cpu" else max(count, 1)
    return (slice(begin, min(begin + size, count)) for begin in range(0, count, size))
