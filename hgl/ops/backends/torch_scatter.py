"""torch-scatter's segment kernels, to compare with; the only importer of torch_scatter."""

from __future__ import annotations

from torch import Tensor
from torch_scatter import gather_csr, segment_csr

from hgl.ops.backends.two_passes import two_passes


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


def softmax_backward(weight: Tensor, grad: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`."""
    ptr, pull = ptr.long(), weight * grad
    return pull - weight * gather_csr(segment_csr(pull, ptr, reduce="sum"), ptr)


def edge_dot(a: Tensor, b: Tensor, src: Tensor, ptr: Tensor) -> Tensor:
    """See `Backend`; gathers both ends of all edges first."""
    return (gather_csr(a, ptr.long()) * b[src.long()]).sum(2)


weighted_sum_backward = two_passes(weighted_sum, edge_dot)
