"""What only the CPU's kernels have: threads."""

from __future__ import annotations

import pytest
import torch

from hgl.ops import Segments, backend, segment_softmax_sum


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_threads_change_no_bit(dtype: torch.dtype):
    generator = torch.Generator().manual_seed(0)
    src, dst = torch.randint(500, (2, 20_000), generator=generator)
    s = Segments.from_edge_index(torch.stack([src, dst]), 500, 500)
    x, of_src, of_dst = (
        torch.randn(500, *shape, generator=generator, dtype=dtype, requires_grad=True)
        for shape in ((3, 24), (3,), (3,))
    )
    found, threads = [], torch.get_num_threads()
    try:
        with backend("numba"):
            for count in (1, 3):
                torch.set_num_threads(count)
                out = segment_softmax_sum(x, of_src, of_dst, s)
                found.append((out, *torch.autograd.grad(out.square().sum(), (x, of_src, of_dst))))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
