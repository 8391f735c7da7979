"""Who computes: one module per library, each with the functions of `Backend`."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, Protocol, cast, get_args

from torch import Tensor, cuda

from hgl.errors import ConfigError

BackendName = Literal["torch", "torch_scatter", "numba", "triton"]
FUSED: tuple[BackendName, ...] = ("triton",)
"""Those with the functions of `FusedBackend`."""
WEIGHING: tuple[BackendName, ...] = ("torch", "numba")
"""Those with the functions of `WeighingBackend`."""
_INSTALL = {
    "torch_scatter": "pip install --no-build-isolation torch-scatter",
    "numba": "pip install numba",
    "triton": "it comes with torch for CUDA",
}


class Backend(Protocol):
    """Kernels over segments; gradients not listed are made of the same kernels.

    Edges of segment i are `ptr[i]` to `ptr[i + 1]`, edge e gathers row `src[e]`. Shapes: N rows, S
    segments, E edges, H heads, D channels per head.
    """

    def weighted_sum(self, x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
        """Sum `weight[e] * x[src[e]]`: [N, H, D] and [E, H] to [S, H, D]."""

    def row_sum(self, x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
        """Sum `x[src[e]]`: [N, C] to [S, C]."""

    def softmax(self, score: Tensor, ptr: Tensor) -> Tensor:
        """Normalise `exp(score)` within segments: [E, H] to the same shape."""

    def softmax_backward(self, weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
        """Gradient of `softmax` from what it returned and the gradient of that, [E, H] each."""

    def edge_dot(self, a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
        """Dot segment i of `a` with the rows of `b` it gathers: [S, H, D], [N, H, D] to [E, H]."""

    def weighted_sum_backward(
        self,
        x: Tensor,
        weight: Tensor,
        grad: Tensor,
        src: Tensor,
        ptr: Tensor,
        back_src: Tensor,
        back_ptr: Tensor,
        back_edge: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Gradients of `x` and `weight` in `weighted_sum`, given that of the sums, [S, H, D].

        Args:
            back_src, back_ptr, back_edge: the edges by source, see `Transpose`.
        """


class WeighingBackend(Backend, Protocol):
    """A backend that makes the weights of attention in one go: scores, then their softmax."""

    def edge_softmax(
        self,
        score_src: Tensor,
        score_dst: Tensor,
        edge: Tensor | None,
        src: Tensor,
        ptr: Tensor,
        negative_slope: float,
    ) -> tuple[Tensor, Tensor]:
        """[E, H] weights, and whether each score is above 0."""

    def edge_softmax_backward(
        self, weight: Tensor, positive: Tensor, grad: Tensor, ptr: Tensor, negative_slope: float
    ) -> tuple[Tensor, Tensor]:
        """Gradients of what is added per edge, [E, H], and of `score_dst`, [S, H].

        Args:
            weight, positive: what `edge_softmax` returned.
            grad: of the weights.
        """


class FusedBackend(Backend, Protocol):
    """A backend that also attends in one pass: scores, softmax and weighted sum."""

    def attend(
        self,
        x: Tensor,
        score_src: Tensor,
        score_dst: Tensor,
        edge: Tensor | None,
        src: Tensor,
        sender: Tensor | None,
        ptr: Tensor,
        negative_slope: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """[S, H, D] sums, and of each segment's scores the largest and the denominator [S, H].

        Args:
            sender: [E] row of `score_src` that each edge gathers; None where it is `src`.
        """

    def attend_backward(
        self,
        grad: Tensor,
        out: Tensor,
        peak: Tensor,
        total: Tensor,
        x: Tensor,
        score_src: Tensor,
        score_dst: Tensor,
        edge: Tensor | None,
        ptr: Tensor,
        back: tuple[Tensor, Tensor, Tensor],
        sender: Tensor | None,
        sender_back: tuple[Tensor, Tensor],
        negative_slope: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradients of `x`, `score_src`, `score_dst` and of what is added per edge.

        Args:
            grad: of the sums.
            out, peak, total: what `attend` returned.
            back: segment, ptr and edge of the transpose of `src`.
            sender_back: ptr and edge of the transpose of `sender`, or of `src` where that is None.
        """


class CrossingBackend(Protocol):
    """What computes `gated_crossing`, whose arguments these are."""

    def gated_crossing(
        self,
        z: Tensor,
        own: Tensor,
        bias: Tensor,
        gate: Tensor,
        query: Tensor,
        negative_slope: float,
    ) -> Tensor:
        """The result."""

    def gated_crossing_backward(
        self,
        grad: Tensor,
        z: Tensor,
        own: Tensor,
        bias: Tensor,
        gate: Tensor,
        query: Tensor,
        negative_slope: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Gradients of the five tensors, given that of the result."""


_HAS_NUMBA = find_spec("numba") is not None
_HAS_TRITON = find_spec("triton") is not None
_chosen: BackendName | None = None


def running(device: str) -> BackendName:
    """The backend that computes on a type of device: the one chosen, else the fastest there."""
    if _chosen is not None:
        return _chosen
    if device == "cpu" and _HAS_NUMBA:
        return "numba"
    return "triton" if device == "cuda" and _HAS_TRITON else "torch"


def current(x: Tensor) -> Backend:
    """The backend that computes with `x`."""
    return cast("Backend", import_module(f"hgl.ops.backends.{running(x.device.type)}"))


def crossing(x: Tensor) -> CrossingBackend:
    """The backend that crosses the relations of nodes: numba's on the CPU, else torch's."""
    name = "numba" if running(x.device.type) == "numba" else "torch_crossing"
    return cast("CrossingBackend", import_module(f"hgl.ops.backends.{name}"))


def interpreted() -> bool:
    """Whether triton's kernels run on the CPU, for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


class _Choice:
    """Undoes a choice when used as a context manager."""

    def __init__(self, previous: BackendName | None) -> None:
        self.previous = previous

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        global _chosen
        _chosen = self.previous


def backend(name: BackendName) -> _Choice:
    """Choose the backend of this process: `torch`, `torch_scatter`, `numba` (CPU), `triton` (CUDA).

    Without a choice it is numba on the CPU and triton on CUDA where these are installed, else
    torch. As a context manager, for a block only: `with backend("torch_scatter"): …`.

    Raises: ConfigError: no such backend, its library is not installed, or it needs a device that
        is not there.
    """
    global _chosen
    if name not in get_args(BackendName):
        raise ConfigError(f"backend={name!r}: expected one of {', '.join(get_args(BackendName))}")
    if find_spec(name) is None:
        raise ConfigError(f"backend={name!r}: not installed; {_INSTALL[name]}")
    if name == "triton" and not (cuda.is_available() or interpreted()):
        raise ConfigError("backend='triton': expected a CUDA device, found none")
    previous, _chosen = _chosen, name
    return _Choice(previous)
