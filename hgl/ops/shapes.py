"""Checks of what ops are given: the message names the argument, its shape and what was expected."""

from __future__ import annotations

from torch import Tensor

from hgl.errors import ConfigError
from hgl.ops.segments import Segments


def check(name: str, tensor: Tensor, expected: str, *sizes: int | None) -> None:
    """Check a shape; None stands for any size.

    Args:
        expected: the shape in words, such as `[num_edges, heads]`.
    Raises: ConfigError: it is another.
    """
    fits = tensor.dim() == len(sizes) and all(
        size is None or size == found for size, found in zip(sizes, tensor.shape)
    )
    if not fits:
        numbers = ", ".join("any" if size is None else str(size) for size in sizes)
        raise ConfigError(
            f"{name} has shape {tuple(tensor.shape)}, expected {expected}, here [{numbers}]"
        )


def check_rows(name: str, tensor: Tensor, segments: Segments, *sizes: int | None) -> None:
    """Check that a tensor has a row per source."""
    check(name, tensor, "[num_src, …]", segments.num_src, *sizes)


def check_edges(name: str, tensor: Tensor, segments: Segments, *sizes: int | None) -> None:
    """Check that a tensor has a row per edge."""
    check(name, tensor, "[num_edges, …]", segments.num_edges, *sizes)


def check_segments(name: str, tensor: Tensor, segments: Segments, *sizes: int | None) -> None:
    """Check that a tensor has a row per segment."""
    check(name, tensor, "[num_segments, …]", segments.num_segments, *sizes)
