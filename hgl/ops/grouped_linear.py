"""One matrix per group of rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from hgl.errors import ConfigError
from hgl.ops.backends import pyg_lib
from hgl.ops.shapes import check


def grouped_linear(x: Tensor, weight: Tensor, ptr: Sequence[int]) -> Tensor:
    """Multiply each group of consecutive rows by its own matrix.

    Args:
        x: [rows, in_channels].
        weight: [groups, in_channels, out_channels].
        ptr: [groups + 1] where each group begins, from 0 to rows.
    Returns: [rows, out_channels].
    On CUDA pyg-lib computes it where that is installed, else one product per group does.
    Raises: ConfigError: a shape does not fit, or `ptr` does not divide the rows.
    """
    check("weight", weight, "[groups, in_channels, out_channels]", None, None, None)
    check("x", x, "[rows, in_channels]", None, weight.shape[1])
    groups, rows = weight.shape[0], x.shape[0]
    fits = len(ptr) == groups + 1 and ptr[0] == 0 and ptr[-1] == rows
    if not fits or any(a > b for a, b in pairwise(ptr)):
        raise ConfigError(f"ptr={list(ptr)}: expected {groups + 1} offsets from 0 up to {rows}")
    return _grouped_linear(x, weight, list(ptr))


@torch.library.custom_op("hgl::grouped_linear", mutates_args=())
def _grouped_linear(x: Tensor, weight: Tensor, ptr: list[int]) -> Tensor:
    if pyg_lib.suits(x):
        return pyg_lib.grouped_linear(x, weight, ptr)
    out = x.new_empty(x.shape[0], weight.shape[2])
    for group, (begin, end) in enumerate(pairwise(ptr)):
        torch.mm(x[begin:end], weight[group], out=out[begin:end])
    return out


@_grouped_linear.register_fake
def _(x: Tensor, weight: Tensor, ptr: list[int]) -> Tensor:
    return x.new_empty(x.shape[0], weight.shape[2])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])
    ctx.ptr = inputs[2]


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    grad_x = grad_weight = None
    if ctx.needs_input_grad[0]:
        grad_x = _grouped_linear(grad, weight.transpose(1, 2), ctx.ptr)
    if ctx.needs_input_grad[1]:
        grad_weight = torch.empty_like(weight)
        for group, (begin, end) in enumerate(pairwise(ctx.ptr)):
            torch.mm(x[begin:end].T, grad[begin:end], out=grad_weight[group])
    return grad_x, grad_weight, None


_grouped_linear.register_autograd(_backward, setup_context=_keep)
