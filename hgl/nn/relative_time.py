"""How long before the seed a row happened, as features that reach from minutes to decades."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hgl.typing import NodeType

SHORTEST = 600.0
"""Seconds around which the scale turns from linear to logarithmic."""
LONGEST = 100 * 365.25 * 86400
"""Seconds beyond which all is equally old."""


def log_hats(seconds: Tensor, num_hats: int) -> Tensor:
    """Triangular bumps, evenly spaced in log(1 + seconds / SHORTEST).

    RelBench encodes (seed - row) in days with sinusoids; bumps on a logarithmic scale separate
    hours, weeks and years alike and are non-zero in two places only.

    Args:
        seconds: [n], int64 or float; below 0 counts as 0, above LONGEST as LONGEST.
    Returns: [n, num_hats], float32; each row sums to 1.
    """
    elapsed = seconds.to(torch.float32).clamp(0, LONGEST)
    position = torch.log1p(elapsed / SHORTEST) * ((num_hats - 1) / math.log1p(LONGEST / SHORTEST))
    centres = torch.arange(num_hats, device=seconds.device, dtype=torch.float32)
    hats = position.unsqueeze(1) - centres
    return hats.abs_().neg_().add_(1).clamp_(min=0)


class RelativeTime(nn.Module):
    """A learned curve over log time per node type, added to its rows' vectors.

    Args:
        node_types: types with a time column.
        channels: width of a row's vector.
        num_hats: resolution of the curve.
    """

    def __init__(
        self, node_types: Sequence[NodeType], *, channels: int, num_hats: int = 32
    ) -> None:
        super().__init__()
        self.num_hats = num_hats
        self.positions = {t: i for i, t in enumerate(sorted(node_types))}
        self.curves = nn.ParameterList(
            nn.Parameter(torch.empty(num_hats, channels)) for _ in self.positions
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from small random curves."""
        for curve in self.curves:
            nn.init.normal_(curve, std=0.1)

    def basis(self, seconds: Tensor) -> Tensor:
        """[n] seconds before the seed to the [n, num_hats] features the curves are made of."""
        return log_hats(seconds, self.num_hats)

    def curve(self, node_type: NodeType) -> Tensor:
        """[num_hats, channels] curve of a type. Raises: KeyError: the type has no time."""
        return self.curves[self.positions[node_type]]

    def forward(self, node_type: NodeType, seconds: Tensor) -> Tensor:
        """[n] seconds before the seed to [n, channels]."""
        return self.basis(seconds) @ self.curve(node_type)
