"""Softmax within segments, of scores made of both ends of an edge."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hgl.ops.backends import FUSED, current, running
from hgl.ops.fused_attention import fused_attention
from hgl.ops.row_sum import row_sum
from hgl.ops.segments import Segments, expand
from hgl.ops.shapes import check_edges, check_rows, check_segments
from hgl.ops.weighted_sum import weighted_segment_sum


def segment_softmax(score: Tensor, segments: Segments) -> Tensor:
    """Normalise scores over the edges of each segment.

    Args:
        score: [num_edges, heads].
    Returns: [num_edges, heads], positive, summing to 1 within a segment that has edges.
    Raises: ConfigError: the shape does not fit.
    """
    check_edges("score", score, segments, None)
    return _softmax(score, segments.ptr)


def edge_score(
    score_src: Tensor,
    score_dst: Tensor,
    segments: Segments,
    *,
    edge: Tensor | None = None,
    negative_slope: float = 0.2,
) -> Tensor:
    """Score edges by both ends: LeakyReLU(score_dst of the target + score_src of the source).

    Args:
        score_src: [num_src, heads].
        score_dst: [num_segments, heads].
        edge: [num_edges, heads] added before the LeakyReLU, or None.
        negative_slope: of the LeakyReLU; above 0.
    Returns: [num_edges, heads].
    Raises: ConfigError: a shape does not fit.
    """
    check_rows("score_src", score_src, segments, None)
    check_segments("score_dst", score_dst, segments, score_src.shape[1])
    if edge is not None:
        check_edges("edge", edge, segments, score_src.shape[1])
    back = segments.transpose
    assert back.edge is not None
    plan = (segments.src, segments.ptr, back.ptr, back.edge)
    return _edge_score(score_src, score_dst, edge, *plan, negative_slope)


def segment_softmax_sum(
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    segments: Segments,
    *,
    edge: Tensor | None = None,
    negative_slope: float = 0.2,
    rows: Segments | None = None,
) -> Tensor:
    """Attend: softmax over each segment's edges of `edge_score`, then the weighted sum of rows.

    Graph attention (arXiv:1710.10903) with any segments. Memory beside inputs and output: [edges,
    heads], no [edges, channels] temporary; on CUDA with triton, forward, [segments, heads].

    Args:
        x: [num_src, heads, channels], of `rows` where those are given.
        score_src, score_dst, edge, negative_slope: see `edge_score`.
        rows: the same edges, gathering other rows: for `x` whose rows are not those of `score_src`.
    Returns: [num_segments, heads, channels]; zero for a segment without edges.
    Raises: ConfigError: a shape does not fit.
    """
    if running(x.device.type) in FUSED:
        return fused_attention(
            x, score_src, score_dst, segments, edge=edge, negative_slope=negative_slope, rows=rows
        )
    score = edge_score(score_src, score_dst, segments, edge=edge, negative_slope=negative_slope)
    return weighted_segment_sum(x, segment_softmax(score, segments), rows or segments)


@torch.library.custom_op("hgl::segment_softmax", mutates_args=())
def _softmax(score: Tensor, ptr: Tensor) -> Tensor:
    return current(score).softmax(score, ptr)


@_softmax.register_fake
def _(score: Tensor, ptr: Tensor) -> Tensor:
    return torch.empty_like(score)


def _keep_softmax(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(output, inputs[1])


def _softmax_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    weight, ptr = ctx.saved_tensors
    return _softmax_pull(weight, grad, ptr), None


# An operator, as compiled code must not look into a backend.
@torch.library.custom_op("hgl::segment_softmax_backward", mutates_args=())
def _softmax_pull(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    return current(weight).softmax_backward(weight, grad, ptr)


@_softmax_pull.register_fake
def _(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    return torch.empty_like(weight)


_softmax.register_autograd(_softmax_backward, setup_context=_keep_softmax)


@torch.library.custom_op("hgl::edge_score", mutates_args=())
def _edge_score(
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    ptr: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
    negative_slope: float,
) -> Tensor:
    score = score_src.index_select(0, src)
    score += score_dst.index_select(0, expand(ptr, src.numel()))
    if edge is not None:
        score += edge
    return torch.nn.functional.leaky_relu_(score, negative_slope)


@_edge_score.register_fake
def _(score_src: Tensor, score_dst: Tensor, edge: Tensor | None, src: Tensor, *_: Any) -> Tensor:
    return score_src.new_empty(src.shape[0], score_src.shape[1])


def _keep_score(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    # Its sign is all that the LeakyReLU's gradient asks, and softmax keeps no other copy of it.
    ctx.save_for_backward(output, *inputs[4:7])
    ctx.negative_slope = inputs[7]


def _edge_score_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    score, ptr, back_ptr, back_edge = ctx.saved_tensors
    grad = torch.ops.aten.leaky_relu_backward(grad, score, ctx.negative_slope, True)
    of_dst = torch.segment_reduce(grad, "sum", offsets=ptr, unsafe=True)
    of_src = row_sum(grad, back_edge, back_ptr) if ctx.needs_input_grad[0] else None
    of_edge = grad if ctx.needs_input_grad[2] else None
    return of_src, of_dst, of_edge, None, None, None, None, None


_edge_score.register_autograd(_edge_score_backward, setup_context=_keep_score)
