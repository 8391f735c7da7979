"""The steps of an atomic route of RelGNN (arXiv:2502.06784): fuse facts, then attend to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hgl.errors import check_multiple
from hgl.ops import Segments, edge_dot, segment_softmax, weighted_segment_sum


class FactFusion(nn.Module):
    """A fact's own row and what one of its keys leads to: f = x W + b + pooled U (SAGE).

    Args:
        channels: width in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.root = nn.Linear(channels, channels)
        self.neighbour = nn.Linear(channels, channels, bias=False)

    def forward(self, x: Tensor, pooled: Tensor) -> Tensor:
        """[facts, channels] rows and sums of what the key leads to, to [facts, channels]."""
        return torch.addmm(self.root(x), pooled, self.neighbour.weight.T)


class RouteAttention(nn.Module):
    """Attend to what a route sends (`TransformerConv`, arXiv:2009.03509), then map.

    h = (sum over u of softmax_u((x_v Q + b) . (m_u K + c) / sqrt(width of a head)) (m_u V + d) +
    x_v S + e) O + o.

    Args:
        channels: width in and out, over all heads.
        heads: attention heads.
    Raises: ConfigError: channels are not divisible by heads.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        check_multiple("channels", channels, "heads", heads)
        self.heads = heads
        self.key_value = nn.Linear(channels, 2 * channels)
        self.query_skip = nn.Linear(channels, 2 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, message: Tensor, x: Tensor, segments: Segments) -> Tensor:
        """Attend.

        Args:
            message: [segments.num_src, channels].
            x: [segments.num_segments, channels].
        Returns: [segments.num_segments, channels].
        """
        query, skip = self.query_skip(x).chunk(2, dim=1)
        key, value = self.key_value(message).unflatten(1, (2, self.heads, -1)).unbind(1)
        score = edge_dot(query.unflatten(1, (self.heads, -1)), key, segments)
        weight = segment_softmax(score * key.shape[2] ** -0.5, segments)
        return self.out(weighted_segment_sum(value, weight, segments).flatten(1) + skip)
