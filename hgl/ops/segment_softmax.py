"""Softmax within segments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hgl.ops.backends import current
from hgl.ops.segments import Segments
from hgl.ops.shapes import check_edges


def segment_softmax(score: Tensor, segments: Segments) -> Tensor:
    """Normalise scores over the edges of each segment.

    Args:
        score: [num_edges, heads].
    Returns: [num_edges, heads], positive, summing to 1 within a segment that has edges.
    Raises: ConfigError: the shape does not fit.
    """
    check_edges("score", score, segments, None)
    return _softmax(score, segments.ptr)


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
