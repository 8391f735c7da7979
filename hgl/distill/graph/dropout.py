"""Dropout by random bytes: on a CPU torch's draws bit by bit, which took a third of an epoch."""

from __future__ import annotations

import torch
from torch import Tensor


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Zero some elements while training and scale up the others, so that the mean stays.

    Args:
        x: any shape.
        share: of elements, [0, 1), rounded to a multiple of 1/256.
    """
    cut = round(256 * share)
    if not training or not cut:
        return x
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
    drawn = words.random_(-(2**63), None).view(torch.uint8)[: x.numel()].view(x.shape)
    return x * (drawn >= cut) * (256 / (256 - cut))
