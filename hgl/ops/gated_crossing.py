"""A node's gate and the crossing of its relations, in one pass over memory each way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hgl.ops.autocast import lowered
from hgl.ops.backends import crossing


def gated_crossing(
    z: Tensor,
    own: Tensor,
    bias: Tensor,
    gate: Tensor,
    query: Tensor,
    *,
    negative_slope: float = 0.2,
) -> Tensor:
    """Let the relations of each node attend to each other after gating them with its residual.

    With y = lerp(own + bias, relu(z), gate), query q gives the sum over relations r of a_qr y_r,
    with a_qr the softmax over r of LeakyReLU(y_r . q), head by head. Nothing in between is kept;
    backward computes it again.

    Args:
        z: [relations, nodes, channels].
        own: [relations or 1, nodes, channels] residuals.
        bias: [channels], added to them.
        gate: [] share of `z`, from 0 to 1.
        query: [queries, heads, channels / heads].
        negative_slope: of the LeakyReLU.
    Returns: [queries, nodes, channels].
    """
    return _GatedCrossing.apply(negative_slope, *lowered([z, own, bias, gate, query]))


class _GatedCrossing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, negative_slope: float, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        ctx.negative_slope = negative_slope
        z, own, bias, gate, query = tensors
        return crossing(z).gated_crossing(z, own, bias, gate, query, negative_slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        z, own, bias, gate, query = ctx.saved_tensors
        return None, *crossing(z).gated_crossing_backward(
            grad, z, own, bias, gate, query, ctx.negative_slope
        )
