"""A loss of a layer's own that rides on what the layer returns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def attach_loss(x: Tensor, loss: Tensor) -> Tensor:
    """Return `x`; whenever a gradient reaches it, `loss` is minimised too, with weight 1.

    So no training loop has to know of the loss, and nothing changes where several processes share
    a step. A loop that scales its loss (fp16) must scale `loss` alike.

    Args:
        x: any shape.
        loss: scalar.
    """
    return _Attach.apply(x, loss)


class _Attach(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, loss: Tensor) -> Tensor:
        ctx.save_for_backward(loss)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        (loss,) = ctx.saved_tensors
        return grads[0], torch.ones_like(loss)
