"""Distinct rows to their sampled copies."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from hgl.ops.autocast import lowered
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

    def like(self, rows: Tensor) -> Copies:
        """The same copies, their basis in the precision of `rows`."""
        if self.basis is None or self.basis.dtype == rows.dtype:
            return self
        return dataclasses.replace(self, basis=self.basis.to(rows.dtype))


@dataclass(frozen=True, eq=False)
class CopiedRows:
    """The vectors of one type's copies, before anybody has made them.

    Attributes:
        rows: [distinct rows, channels].
        copies: which rows are copied; None where each row stands for itself.
        curve: [features, channels], times `copies.basis` added to the copies; None for nothing.
    """

    rows: Tensor
    copies: Copies | None = None
    curve: Tensor | None = None

    def __len__(self) -> int:
        """Copies."""
        return len(self.rows if self.copies is None else self.copies.index)

    def dense(self) -> Tensor:
        """Make them: [copies, channels]."""
        if self.copies is None:
            return self.rows
        return copy_rows(self.rows, self.copies, self.curve)


def copy_rows(rows: Tensor, copies: Copies, curve: Tensor | None = None) -> Tensor:
    """Copy rows and add `basis @ curve`, written straight into one tensor.

    Args:
        rows: [distinct rows, channels].
        copies: which rows.
        curve: [features, channels]; needs `copies.basis`.
    Returns: [copies, channels].
    """
    curve = None if curve is None else curve.to(rows.dtype)
    return _CopyRows.apply(rows, copies.like(rows), curve)


def copied_linear(parts: Sequence[CopiedRows], weight: Sequence[Tensor]) -> Tensor:
    """Multiply each type's copies by its own matrix, all types in one tensor.

    A row is multiplied once, however many copies it has, since copying and mapping commute.

    Args:
        parts: per type, [copies, in_channels] in all but memory.
        weight: [in_channels, out_channels] per type.
    Returns: [copies of all types, out_channels].
    """
    rows = lowered([part.rows for part in parts])
    copies = [x.copies and x.copies.like(row) for x, row in zip(parts, rows, strict=True)]
    curves = [
        None if x.curve is None else x.curve.to(row.dtype)
        for x, row in zip(parts, rows, strict=True)
    ]
    return _CopiedLinear.apply(copies, *rows, *curves, *lowered(weight))


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


class _CopiedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, copies: Sequence[Copies | None], *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        ctx.copies = copies
        types = list(zip(copies, *_thirds(tensors), strict=True))
        ctx.sizes = [len(rows if kept is None else kept.index) for kept, rows, *_ in types]
        out = tensors[0].new_empty(sum(ctx.sizes), tensors[-1].shape[1])
        for into, (kept, rows, curve, matrix) in zip(out.split(ctx.sizes), types, strict=True):
            if kept is None:
                torch.mm(rows, matrix, out=into)
            else:
                torch.index_select(rows @ matrix, 0, kept.index, out=into)
                if curve is not None:
                    into.addmm_(cast("Tensor", kept.basis), curve @ matrix)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        found = [
            _linear_backward(grad, *of_type)
            for grad, *of_type in zip(
                grads[0].contiguous().split(ctx.sizes), ctx.copies, *_thirds(ctx.saved_tensors)
            )
        ]
        return None, *(grad for third in zip(*found, strict=True) for grad in third)


def _linear_backward(
    grad: Tensor, copies: Copies | None, rows: Tensor, curve: Tensor | None, matrix: Tensor
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Gradients of a type's rows, curve and matrix."""
    of_rows = grad
    if copies is not None:
        of_rows = bag_sum(grad, copies.transpose.segment, copies.transpose.ptr)
    of_matrix = rows.T @ of_rows
    if copies is None or curve is None:
        return of_rows @ matrix.T, None, of_matrix
    of_curve = cast("Tensor", copies.basis).T @ grad
    return of_rows @ matrix.T, of_curve @ matrix.T, of_matrix.addmm_(curve.T, of_curve)


def _thirds(tensors: Sequence[Tensor]) -> list[Sequence[Tensor]]:
    """Rows, curves and matrices, each per type."""
    types = len(tensors) // 3
    return [tensors[i * types : (i + 1) * types] for i in range(3)]
