"""Sums over the latest members of groups, for several numbers of members in one pass."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import embedding_bag


def latest_starts(ptr: Tensor, lasts: Tensor) -> Tensor:
    """Where the latest members of each group begin.

    Args:
        ptr: [groups + 1] int64, where each group begins; members ascend by time.
        lasts: [windows] int64, numbers of members.
    Returns: [groups, windows] int64.
    """
    return (ptr[1:, None] - lasts).maximum(ptr[:-1, None])


def latest_sums(values: Tensor, index: Tensor, starts: Tensor) -> Tensor:
    """Sum the values of each group's latest members.

    Args:
        values: [rows, channels] float32.
        index: [members] int64, row of each member; the widest windows cover them all.
        starts: [groups, windows] from `latest_starts`, windows growing.
    Returns: [groups, windows, channels] float32.
    """
    shape = (*starts.shape, values.shape[1])
    if not index.numel():
        return values.new_zeros(shape)
    # Each window less the one inside it: these parts hold every member once, in order.
    parts = embedding_bag(index, values, starts.flip(1).flatten(), mode="sum")
    return parts.view(shape).flip(1).cumsum(1)
