"""Sum, mean, largest and least of gathered rows."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from hgl.errors import ConfigError
from hgl.ops.backends import current
from hgl.ops.row_sum import row_sum
from hgl.ops.segments import Segments
from hgl.ops.shapes import check_rows

Reduction = Literal["sum", "mean", "max", "min"]
_MAX = 2
"""embedding_bag's number for it."""


def segment_reduce(x: Tensor, segments: Segments, reduction: Reduction = "sum") -> Tensor:
    """Reduce the rows each segment gathers, column by column.

    The gradient of `max` and `min` goes to one of the rows that reach it.

    Args:
        x: [num_src, channels].
    Returns: [num_segments, channels]; zero for a segment without edges.
    Raises: ConfigError: the shape does not fit, or there is no such reduction.
    """
    check_rows("x", x, segments, None)
    if reduction not in get_args(Reduction):
        raise ConfigError(
            f"reduction={reduction!r}: expected one of {', '.join(get_args(Reduction))}"
        )
    if reduction in ("max", "min"):
        sign = 1 if reduction == "max" else -1
        return sign * _largest(sign * x, segments.src, segments.ptr)[0]
    back = segments.transpose
    out = _row_sum(x, segments.src, segments.ptr, back.segment, back.ptr)
    return out / segments.degree.to(out.dtype) if reduction == "mean" else out


@torch.library.custom_op("hgl::row_sum", mutates_args=())
def _row_sum(x: Tensor, src: Tensor, ptr: Tensor, back_src: Tensor, back_ptr: Tensor) -> Tensor:
    return current(x).row_sum(x, src, ptr)


@_row_sum.register_fake
def _(x: Tensor, src: Tensor, ptr: Tensor, *back: Tensor) -> Tensor:
    return x.new_empty(ptr.shape[0] - 1, x.shape[1])


def _keep_back(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[3:])


def _row_sum_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return row_sum(grad.contiguous(), *ctx.saved_tensors), None, None, None, None


_row_sum.register_autograd(_row_sum_backward, setup_context=_keep_back)


@torch.library.custom_op("hgl::segment_max", mutates_args=())
def _largest(x: Tensor, src: Tensor, ptr: Tensor) -> tuple[Tensor, Tensor]:
    """The largest values and the rows they come from, -1 in segments without edges."""
    empty = ptr.diff().eq(0).unsqueeze(1)
    if src.numel() == 0:
        shape = (len(empty), x.shape[1])
        return x.new_zeros(shape), src.new_full(shape, -1)
    out, *_, row = torch._embedding_bag(
        x.contiguous(), src, ptr, mode=_MAX, include_last_offset=True
    )
    return out.masked_fill(empty, 0.0), row.to(src.dtype)[: len(empty)].masked_fill(empty, -1)


@_largest.register_fake
def _(x: Tensor, src: Tensor, ptr: Tensor) -> tuple[Tensor, Tensor]:
    shape = (ptr.shape[0] - 1, x.shape[1])
    return x.new_empty(shape), src.new_empty(shape)


def _keep_rows(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])
    ctx.num_rows = inputs[0].shape[0]


def _largest_backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    (row,) = ctx.saved_tensors
    into = grad.new_zeros(ctx.num_rows, grad.shape[1])
    known = torch.where(row < 0, 0.0, grad)
    return into.scatter_add_(0, row.clamp(min=0).long(), known), None, None


_largest.register_autograd(_largest_backward, setup_context=_keep_rows)
