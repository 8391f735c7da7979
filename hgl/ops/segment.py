"""Sums over segments of rows, with both directions as one pass and no [edges, channels] temporary.

`embedding_bag` fuses gather and sum; its own backward zero-fills and scatters, so the gradient is
written as another `embedding_bag` over the transposed edge list instead.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from hgl.ops.plan import RelationPlan, Transpose


def bag_sum(x: Tensor, index: Tensor, ptr: Tensor) -> Tensor:
    """Sum rows of `x` per segment: out[i] = sum of x[index[ptr[i]:ptr[i + 1]]].

    Args:
        x: [num_rows, channels].
        index: [n], int32 or int64.
        ptr: [num_segments + 1], same integer type as `index`.
    Returns: [num_segments, channels]; zero for an empty segment.
    """
    if index.numel() == 0:
        return x.new_zeros(ptr.numel() - 1, x.shape[1])
    return embedding_bag(index, x, ptr, mode="sum", include_last_offset=True)


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, index: Tensor, ptr: Tensor, t_ptr: Tensor, t_slot: Tensor
    ) -> Tensor:
        ctx.save_for_backward(t_ptr, t_slot)
        return bag_sum(x, index, ptr)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        t_ptr, t_slot = ctx.saved_tensors
        return bag_sum(grads[0].contiguous(), t_slot, t_ptr), None, None, None, None


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, t_ptr: Tensor, t_slot: Tensor) -> Tensor:
        ctx.save_for_backward(t_ptr, t_slot)
        return x.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        t_ptr, t_slot = ctx.saved_tensors
        return bag_sum(grads[0].contiguous(), t_slot, t_ptr), None, None, None


def segment_sum(x: Tensor, plan: RelationPlan) -> Tensor:
    """Sum what each slot's edges bring: [num_src, channels] to [num_slots, channels]."""
    return _SegmentSum.apply(x, plan.src, plan.ptr, plan.transpose.ptr, plan.transpose.slot)


def gather_rows(x: Tensor, index: Tensor, transpose: Transpose) -> Tensor:
    """Copy rows: out[i] = x[index[i]], with a scatter-free backward.

    Args:
        x: [num_rows, channels].
        index: [n] row of each copy.
        transpose: copies grouped by row, `slot[ptr[r]:ptr[r + 1]]` being the copies of row r.
    Returns: [n, channels].
    """
    return _GatherRows.apply(x, index, transpose.ptr, transpose.slot)
