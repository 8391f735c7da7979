"""Distinct rows to their sampled copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from hgl.ops.bag_sum import bag_sum
from hgl.ops.segments import Transpose


@dataclass(frozen=True, eq=False)
class Copies:
    """The copies of one type's rows.

    Attributes:
        index: [copies] row of each copy.
        transpose: copies grouped by row.
        basis: [copies, features] of each copy beside its row's vector, or None.
    """

    index: Tensor
    transpose: Transpose
    basis: Tensor | None = None


def copy_rows(rows: Tensor, copies: Copies, curve: Tensor | None = None) -> Tensor:
    """Copy rows and add `basis @ curve`, written straight into one tensor.

    Args:
        rows: [distinct rows, channels].
        copies: which rows.
        curve: [features, channels]; needs `copies.basis`.
    Returns: [copies, channels].
    """
    return _CopyRows.apply(rows, copies, curve)


class _CopyRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, copies: Copies, curve: Tensor | None) -> Tensor:
        ctx.copies = copies
        out = rows.index_select(0, copies.index)
        return out if curve is None else out.addmm_(cast("Tensor", copies.basis), curve)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        copies, grad = ctx.copies, grads[0].contiguous()
        curve = copies.basis.T @ grad if ctx.needs_input_grad[2] else None
        return bag_sum(grad, copies.transpose.segment, copies.transpose.ptr), None, curve
