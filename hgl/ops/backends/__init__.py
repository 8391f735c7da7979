"""Who computes: one module per library, each with the functions of `Backend`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Literal, Protocol, cast, get_args

from torch import Tensor

from hgl.errors import ConfigError

BackendName = Literal["torch", "torch_scatter"]


class Backend(Protocol):
    """Forward kernels over segments; gradients are made of the same kernels.

    Edges of segment i are `ptr[i]` to `ptr[i + 1]`, edge e gathers row `src[e]`. Shapes: N rows, S
    segments, E edges, H heads, D channels per head.
    """

    def weighted_sum(self, x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
        """Sum `weight[e] * x[src[e]]`: [N, H, D] and [E, H] to [S, H, D]."""

    def row_sum(self, x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
        """Sum `x[src[e]]`: [N, C] to [S, C]."""

    def softmax(self, score: Tensor, ptr: Tensor) -> Tensor:
        """Normalise `exp(score)` within segments: [E, H] to the same shape."""

    def edge_dot(self, a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
        """Dot segment i of `a` with the rows of `b` it gathers: [S, H, D], [N, H, D] to [E, H]."""


_chosen: BackendName = "torch"


def current() -> Backend:
    """The backend that runs now."""
    return cast("Backend", import_module(f"hgl.ops.backends.{_chosen}"))


class _Choice:
    """Undoes a choice when used as a context manager."""

    def __init__(self, previous: BackendName) -> None:
        self.previous = previous

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        backend(self.previous)


def backend(name: BackendName) -> _Choice:
    """Choose the backend of this process: `torch` or `torch_scatter`.

    As a context manager, for a block only: `with backend("torch_scatter"): …`.

    Raises: ConfigError: no such backend, or its library is not installed.
    """
    global _chosen
    if name not in get_args(BackendName):
        raise ConfigError(f"backend={name!r}: expected one of {', '.join(get_args(BackendName))}")
    if find_spec(name) is None:
        raise ConfigError(
            f"backend={name!r}: not installed; pip install --no-build-isolation "
            f"{name.replace('_', '-')}"
        )
    previous, _chosen = _chosen, name
    return _Choice(previous)
