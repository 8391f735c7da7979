"""Distinct values and grouping: numba on the CPU where it is installed, torch elsewhere."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor


def distinct(values: Tensor) -> tuple[Tensor, Tensor]:
    """Find the distinct values of an int64 tensor; memory follows its length, not its range.

    Args:
        values: [n] int64, not negative.
    Returns: the distinct values ([m], in no promised order) and, per value, its place among them
        ([n] int64).
    """
    if not _has_kernels(values):
        return torch.unique(values, return_inverse=True)
    from hgl.graph import grouping_kernels

    found, index = torch.empty_like(values), torch.empty_like(values)
    count = grouping_kernels.distinct(values.numpy(), found.numpy(), index.numpy())
    return found[:count], index


def group(index: Tensor, values: Tensor, num_groups: int) -> tuple[Tensor, Tensor]:
    """Group values by index, keeping their order within a group.

    Args:
        index: [n] int32 or int64 group of each value.
        values: [n] int32.
        num_groups: groups, empty ones included.
    Returns: `ptr` ([num_groups + 1] int32) and the values in group order ([n] int32): those of
        group g are `ptr[g]` to `ptr[g + 1]`.
    """
    ptr = torch.zeros(num_groups + 1, dtype=torch.int32, device=index.device)
    if not _has_kernels(index):
        ptr[1:] = torch.bincount(index, minlength=num_groups).cumsum(0)
        return ptr, values[torch.argsort(index, stable=True)]
    from hgl.graph import grouping_kernels

    grouped = torch.empty_like(values)
    grouping_kernels.group(index.numpy(), values.numpy(), ptr.numpy(), grouped.numpy())
    return ptr, grouped


def _has_kernels(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and find_spec("numba") is not None
