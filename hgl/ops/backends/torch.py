"""Plain torch, without an [edges, channels] temporary on the CPU.

On the CPU `embedding_bag` gathers, weighs and sums in one pass over the edges, several times faster
than a gather whose result must first be written to fresh memory.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from hgl.ops.backends.two_passes import two_passes
from hgl.ops.bag_sum import bag_sum as row_sum
from hgl.ops.segments import expand

__all__ = [
    "edge_dot",
    "edge_score",
    "edge_softmax",
    "edge_softmax_backward",
    "row_sum",
    "softmax",
    "softmax_backward",
    "weighted_sum",
    "weighted_sum_backward",
]

CHUNK = 4_096
"""Edges whose rows are gathered at a time, into buffers that stay in the cache."""


def weighted_sum(x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`: one pass per head over that head's columns."""
    if src.numel() == 0:
        return x.new_zeros(ptr.numel() - 1, *x.shape[1:])
    out = x.new_empty(ptr.numel() - 1, *x.shape[1:])
    for head, per_edge in enumerate(weight.t().contiguous()):
        out[:, head] = embedding_bag(
            src, x[:, head], ptr, mode="sum", per_sample_weights=per_edge, include_last_offset=True
        )
    return out


def softmax(score: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`: the largest score of a segment is taken off first."""
    degree = ptr.diff()

    def spread(per_segment: Tensor) -> Tensor:
        return per_segment.repeat_interleave(degree, dim=0, output_size=len(score))

    largest = torch.segment_reduce(score, "max", offsets=ptr, unsafe=True)
    weight = score.sub(spread(largest)).exp_()
    return weight.div_(spread(torch.segment_reduce(weight, "sum", offsets=ptr, unsafe=True)))


def softmax_backward(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    pull = weight * grad
    total = torch.segment_reduce(pull, "sum", offsets=ptr, unsafe=True)
    shared = total.repeat_interleave(ptr.diff(), dim=0, output_size=len(pull))
    return pull.sub_(shared.mul_(weight))


def edge_score(
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    ptr: Tensor,
    negative_slope: float,
) -> Tensor:
    """LeakyReLU of the scores of both ends: [E, H]."""
    score = score_src.index_select(0, src)
    score += score_dst.index_select(0, expand(ptr, src.numel()))
    if edge is not None:
        score += edge
    return torch.nn.functional.leaky_relu_(score, negative_slope)


def edge_softmax(
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    ptr: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor]:
    """See `WeighingBackend`."""
    score = edge_score(score_src, score_dst, edge, src, ptr, negative_slope)
    return softmax(score, ptr), score > 0


def edge_softmax_backward(
    weight: Tensor, positive: Tensor, grad: Tensor, ptr: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor]:
    """See `WeighingBackend`."""
    pull = softmax_backward(weight, grad, ptr)
    pull = torch.where(positive, pull, pull * negative_slope)
    return pull, torch.segment_reduce(pull, "sum", offsets=ptr, unsafe=True)


def edge_dot(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`: chunk by chunk, in two buffers that are used again."""
    num_edges, shape = src.numel(), a.shape[1:]
    segment = expand(ptr, num_edges)
    out, ones = a.new_empty(num_edges, shape[0]), a.new_ones(shape[1])
    left, right = (a.new_empty(min(CHUNK, num_edges), shape.numel()) for _ in range(2))
    a, b = a.reshape(len(a), shape.numel()), b.reshape(len(b), shape.numel())
    for begin in range(0, num_edges, CHUNK):
        end = min(begin + CHUNK, num_edges)
        of_target, of_source = left[: end - begin], right[: end - begin]
        torch.index_select(a, 0, segment[begin:end], out=of_target)
        torch.index_select(b, 0, src[begin:end], out=of_source)
        # As a product with ones: over so short a dimension faster than a sum.
        torch.mv(of_target.mul_(of_source).view(-1, shape[1]), ones, out=out[begin:end].view(-1))
    return out


weighted_sum_backward = two_passes(weighted_sum, edge_dot)
