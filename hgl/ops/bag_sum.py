"""Sums over segments of rows."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import embedding_bag


def bag_sum(x: Tensor, index: Tensor, ptr: Tensor) -> Tensor:
    """Sum rows of `x` per segment: out[i] = sum of x[index[ptr[i]:ptr[i + 1]]].

    Gather and sum are one pass, without an [n, channels] temporary. No gradient of its own worth
    using: PyTorch's zero-fills and scatters. Ops here sum over the transposed lists instead.

    Args:
        x: [num_rows, channels].
        index: [n], int32 or int64.
        ptr: [num_segments + 1], same integer type as `index`.
    Returns: [num_segments, channels]; zero for an empty segment.
    """
    if index.numel() == 0:
        return x.new_zeros(ptr.numel() - 1, x.shape[1])
    return embedding_bag(index, x, ptr, mode="sum", include_last_offset=True)
