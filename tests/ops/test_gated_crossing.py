"""The gate and the crossing in one pass equal themselves written out, gradients included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from hgl.nn.relation_mixing import cross
from hgl.ops import backend, gated_crossing
from hgl.ops.backends import torch_crossing


def written_out(z: Tensor, own: Tensor, bias: Tensor, gate: Tensor, query: Tensor) -> Tensor:
    gated = torch.lerp(own + bias, z.relu(), gate)
    return cross(gated.unflatten(2, query.shape[1:]), query).flatten(2)


def made(
    nodes: int, relations: int, residuals: int, queries: int, heads: int = 2, channels: int = 3
) -> list[Tensor]:
    torch.manual_seed(nodes)
    width = heads * channels
    shapes = [(relations, nodes, width), (residuals, nodes, width), (width,), ()]
    shapes.append((queries, heads, channels))
    return [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]


@pytest.fixture(params=["torch", "numba"])
def _backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with backend(request.param):
        yield


@pytest.mark.usefixtures("_backend")
@pytest.mark.parametrize("nodes", [0, 1, 3, 7, 1_030])
@pytest.mark.parametrize(("relations", "residuals", "queries"), [(3, 1, 1), (3, 3, 2), (1, 1, 2)])
def test_equals_the_steps_it_joins(
    nodes: int, relations: int, residuals: int, queries: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch_crossing, "ROWS", 3)
    leaves = made(nodes, relations, residuals, queries)
    outs = [f(*leaves) for f in (gated_crossing, written_out)]
    torch.testing.assert_close(*outs, rtol=0, atol=1e-12)
    found = [torch.autograd.grad(x.square().sum(), leaves, materialize_grads=True) for x in outs]
    for joined, apart in zip(*found, strict=True):
        torch.testing.assert_close(joined, apart, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("_backend")
def test_nodes_may_lie_apart():
    leaves = made(9, 3, 3, 2, heads=3, channels=29)
    apart = [x.transpose(0, 1).contiguous().transpose(0, 1) for x in leaves[:2]]
    torch.testing.assert_close(gated_crossing(*apart, *leaves[2:]), gated_crossing(*leaves))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_threads_change_no_bit(dtype: torch.dtype):
    leaves = [x.detach().to(dtype).requires_grad_() for x in made(3_000, 3, 1, 3, channels=20)]
    found, threads = [], torch.get_num_threads()
    try:
        with backend("numba"):
            for count in (1, 3):
                torch.set_num_threads(count)
                out = gated_crossing(*leaves)
                found.append((out, *torch.autograd.grad(out.square().sum(), leaves)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
