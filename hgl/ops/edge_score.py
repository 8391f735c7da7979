"""Scores made of both ends of an edge."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hgl.ops.backends import torch as plain
from hgl.ops.row_sum import row_sum
from hgl.ops.segments import Segments
from hgl.ops.shapes import check_edges, check_rows, check_segments


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
    check_scores(score_src, score_dst, edge, segments)
    back = segments.transpose
    assert back.edge is not None
    plan = (segments.src, segments.ptr, back.ptr, back.edge)
    return _edge_score(score_src, score_dst, edge, *plan, negative_slope)


def check_scores(
    score_src: Tensor, score_dst: Tensor, edge: Tensor | None, segments: Segments
) -> None:
    """Check the arguments of `edge_score`. Raises: ConfigError: a shape does not fit."""
    check_rows("score_src", score_src, segments, None)
    check_segments("score_dst", score_dst, segments, score_src.shape[1])
    if edge is not None:
        check_edges("edge", edge, segments, score_src.shape[1])


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
    return plain.edge_score(score_src, score_dst, edge, src, ptr, negative_slope)


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
