"""Sums of gathered rows as an operator, which compiled code calls as it is."""

from __future__ import annotations

import torch
from torch import Tensor

from hgl.ops.backends import current


@torch.library.custom_op("hgl::row_sum_alone", mutates_args=())
def row_sum(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`. It has no gradient: the gradients of others are made of it."""
    return current(x).row_sum(x, src, ptr)


@row_sum.register_fake
def _(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    return x.new_empty(ptr.shape[0] - 1, x.shape[1])
