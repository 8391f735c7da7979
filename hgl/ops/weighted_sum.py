"""Weighted sums of gathered rows, and their transpose: dot products along edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hgl.ops.backends import current
from hgl.ops.segments import Segments
from hgl.ops.shapes import check_edges, check_rows, check_segments


def weighted_segment_sum(x: Tensor, weight: Tensor, segments: Segments) -> Tensor:
    """Sum the rows each segment gathers, each times its edge's weight, head by head.

    Memory: no [edges, channels] temporary on the CPU, forward or backward.

    Args:
        x: [num_src, heads, channels].
        weight: [num_edges, heads], used in the precision of `x`.
    Returns: [num_segments, heads, channels]; zero for a segment without edges.
    Raises: ConfigError: a shape does not fit.
    """
    check_rows("x", x, segments, None, None)
    check_edges("weight", weight, segments, x.shape[1])
    back = segments.transpose
    assert back.edge is not None
    plan = (segments.src, segments.ptr, back.segment, back.ptr, back.edge)
    return _weighted_sum(x, weight.to(x.dtype), *plan)


def edge_dot(a: Tensor, b: Tensor, segments: Segments) -> Tensor:
    """Dot each edge's target with its source, head by head (a sampled dense-dense product).

    Args:
        a: [num_segments, heads, channels].
        b: [num_src, heads, channels].
    Returns: [num_edges, heads].
    Raises: ConfigError: a shape does not fit.
    """
    check_segments("a", a, segments, None, None)
    check_rows("b", b, segments, *a.shape[1:])
    back = segments.transpose
    assert back.edge is not None
    return _edge_dot(a, b, segments.src, segments.ptr, back.segment, back.ptr, back.edge)


@torch.library.custom_op("hgl::weighted_sum", mutates_args=())
def _weighted_sum(
    x: Tensor,
    weight: Tensor,
    src: Tensor,
    ptr: Tensor,
    back_src: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
) -> Tensor:
    return current(x).weighted_sum(x, weight, src, ptr)


@_weighted_sum.register_fake
def _(x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor, *back: Tensor) -> Tensor:
    return x.new_empty(ptr.shape[0] - 1, *x.shape[1:])


@torch.library.custom_op("hgl::edge_dot", mutates_args=())
def _edge_dot(
    a: Tensor,
    b: Tensor,
    src: Tensor,
    ptr: Tensor,
    back_src: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
) -> Tensor:
    return current(a).edge_dot(a, b, src, ptr)


@_edge_dot.register_fake
def _(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor, *back: Tensor) -> Tensor:
    return a.new_empty(src.shape[0], a.shape[1])


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _weighted_sum_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, src, ptr, back_src, back_ptr, back_edge = ctx.saved_tensors
    grad_x = grad_weight = None
    if ctx.needs_input_grad[0]:
        reordered = weight.index_select(0, back_edge)
        grad_x = current(grad).weighted_sum(grad, reordered, back_src, back_ptr)
    if ctx.needs_input_grad[1]:
        grad_weight = current(grad).edge_dot(grad, x, src, ptr)
    return grad_x, grad_weight, None, None, None, None, None


def _edge_dot_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    a, b, src, ptr, back_src, back_ptr, back_edge = ctx.saved_tensors
    grad_a = grad_b = None
    if ctx.needs_input_grad[0]:
        grad_a = current(b).weighted_sum(b, grad, src, ptr)
    if ctx.needs_input_grad[1]:
        reordered = grad.index_select(0, back_edge)
        grad_b = current(a).weighted_sum(a, reordered, back_src, back_ptr)
    return grad_a, grad_b, None, None, None, None, None


_weighted_sum.register_autograd(_weighted_sum_backward, setup_context=_keep)
_edge_dot.register_autograd(_edge_dot_backward, setup_context=_keep)
