"""torch-scatter's segment kernels, to compare with; the only importer of torch_scatter."""

from __future__ import annotations

from torch import Tensor
from torch_scatter import gather_csr, segment_csr

from hgl.ops.backends.torch import softmax_backward

__all__ = ["edge_dot", "row_sum", "softmax", "softmax_backward", "weighted_sum"]


def weighted_sum(x: Tensor, weight: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`; gathers all edges first."""
    return segment_csr(weight.unsqueeze(2) * x[src.long()], ptr.long(), reduce="sum")


def row_sum(x: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`; gathers all edges first."""
    return segment_csr(x[src.long()], ptr.long(), reduce="sum")


def softmax(score: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    ptr = ptr.long()
    weight = (score - gather_csr(segment_csr(score, ptr, reduce="max"), ptr)).exp()
    return weight / gather_csr(segment_csr(weight, ptr, reduce="sum"), ptr)


def edge_dot(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`; gathers both ends of all edges first."""
    return (gather_csr(a, ptr.long()) * b[src.long()]).sum(2)
