"""One value per segment, given to each of its edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hgl.ops.segments import Segments
from hgl.ops.shapes import check_segments


def spread(x: Tensor, segments: Segments) -> Tensor:
    """Repeat each segment's row for its edges; the gradient is a sum within segments.

    Indexing would give the same, but its gradient scatters, on CUDA in no fixed order.

    Args:
        x: [num_segments, heads].
    Returns: [num_edges, heads].
    Raises: ConfigError: the shape does not fit.
    """
    check_segments("x", x, segments, None)
    return _spread(x, segments.src, segments.ptr)


@torch.library.custom_op("hgl::spread", mutates_args=())
def _spread(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    return x.repeat_interleave(ptr.diff(), dim=0, output_size=src.numel())


@_spread.register_fake
def _(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    return x.new_empty(src.shape[0], x.shape[1])


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[2])


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (ptr,) = ctx.saved_tensors
    return torch.segment_reduce(grad.contiguous(), "sum", offsets=ptr, unsafe=True), None, None


_spread.register_autograd(_backward, setup_context=_keep)
