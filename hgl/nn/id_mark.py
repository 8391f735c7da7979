"""Which rows of a batch are the seeds themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class IdentityMark(nn.Module):
    """A learnt vector added to each seed's own copy, so that messages can tell where it is.

    Source: You, Gomes-Selman, Ying and Leskovec, Identity-aware graph neural networks, 2021.

    Args:
        channels: width of a row's vector.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mark = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw it as large as a row's own vector is."""
        nn.init.normal_(self.mark)

    def forward(self, x: Tensor, batch_size: int) -> Tensor:
        """[copies, channels], the seeds' first, to the same shape."""
        marked = torch.zeros(len(x), 1, dtype=x.dtype, device=x.device)
        marked[:batch_size] = 1
        return x + marked * self.mark
