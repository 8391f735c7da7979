"""The gradients of a weighted sum, for backends that make them one after the other."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

SumOrDot = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def two_passes(weighted_sum: SumOrDot, edge_dot: SumOrDot) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the `weighted_sum_backward` of a `Backend` that has these two."""

    def weighted_sum_backward(
        x: Tensor,
        weight: Tensor,
        grad: Tensor,
        src: Tensor,
        ptr: Tensor,
        back_src: Tensor,
        back_ptr: Tensor,
        back_edge: Tensor,
    ) -> tuple[Tensor, Tensor]:
        grad_x = weighted_sum(grad, weight.index_select(0, back_edge), back_src, back_ptr)
        return grad_x, edge_dot(grad, x, src, ptr)

    return weighted_sum_backward
