"""pyg-lib multiplies groups of rows with a matrix each: one launch on CUDA for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


@cache
def segment_matmul() -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
    """Return `pyg_lib.ops.segment_matmul`; None: it is not installed, or is of another torch."""
    try:
        import pyg_lib
    except (ImportError, OSError):
        return None
    return pyg_lib.ops.segment_matmul


def suits(x: Tensor) -> bool:
    """Whether it multiplies `x`: on the CPU a loop of products is no slower."""
    return x.is_cuda and segment_matmul() is not None


def grouped_linear(x: Tensor, weight: Tensor, ptr: list[int]) -> Tensor:
    """As `hgl.ops.grouped_linear`, without a gradient; only where `segment_matmul` is there."""
    multiply = segment_matmul()
    assert multiply is not None
    return multiply(x.contiguous(), torch.tensor(ptr), weight.contiguous())
