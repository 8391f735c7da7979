"""Softmax within segments of scores made of both ends of an edge: a layer's attention weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from hgl.ops.backends import WEIGHING, WeighingBackend, current, running
from hgl.ops.edge_score import check_scores, edge_score
from hgl.ops.row_sum import row_sum
from hgl.ops.segment_softmax import segment_softmax
from hgl.ops.segments import Segments


def edge_softmax(
    score_src: Tensor,
    score_dst: Tensor,
    segments: Segments,
    *,
    edge: Tensor | None = None,
    negative_slope: float = 0.2,
) -> Tensor:
    """Normalise `edge_score` over the edges of each segment.

    Args: see `edge_score`.
    Returns: [num_edges, heads], positive, summing to 1 within a segment that has edges.
    Raises: ConfigError: a shape does not fit.
    """
    if running(score_src.device.type) not in WEIGHING:
        score = edge_score(score_src, score_dst, segments, edge=edge, negative_slope=negative_slope)
        return segment_softmax(score, segments)
    check_scores(score_src, score_dst, edge, segments)
    back = segments.transpose
    assert back.edge is not None
    plan = (segments.src, segments.ptr, back.ptr, back.edge)
    return _edge_softmax(score_src, score_dst, edge, *plan, negative_slope)[0]


@torch.library.custom_op("hgl::edge_softmax", mutates_args=())
def _edge_softmax(
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    ptr: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor]:
    weighing = cast("WeighingBackend", current(score_src))
    return weighing.edge_softmax(score_src, score_dst, edge, src, ptr, negative_slope)


@_edge_softmax.register_fake
def _(
    score_src: Tensor, score_dst: Tensor, edge: Tensor | None, src: Tensor, *_: Any
) -> tuple[Tensor, Tensor]:
    weight = score_src.new_empty(src.shape[0], score_src.shape[1])
    return weight, torch.empty_like(weight, dtype=torch.bool)


# An operator, as compiled code must not look into a backend.
@torch.library.custom_op("hgl::edge_softmax_backward", mutates_args=())
def _pull(
    weight: Tensor, positive: Tensor, grad: Tensor, ptr: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor]:
    weighing = cast("WeighingBackend", current(weight))
    return weighing.edge_softmax_backward(weight, positive, grad, ptr, negative_slope)


@_pull.register_fake
def _(weight: Tensor, positive: Tensor, grad: Tensor, ptr: Tensor, _: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(weight), weight.new_empty(ptr.shape[0] - 1, weight.shape[1])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*output, *inputs[4:7])
    ctx.negative_slope = inputs[7]


def _backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    weight, positive, ptr, back_ptr, back_edge = ctx.saved_tensors
    of_edge, of_dst = _pull(weight, positive, grad, ptr, ctx.negative_slope)
    of_src = row_sum(of_edge, back_edge, back_ptr) if ctx.needs_input_grad[0] else None
    return of_src, of_dst, of_edge if ctx.needs_input_grad[2] else None, *[None] * 5


_edge_softmax.register_autograd(_backward, setup_context=_keep)
