"""The gate and the crossing in one pass equal themselves written out, gradients included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hgl.nn import gated_crossing as module
from hgl.nn.gated_crossing import gated_crossing
from hgl.nn.relation_mixing import cross


def written_out(z: Tensor, own: Tensor, bias: Tensor, gate: Tensor, query: Tensor) -> Tensor:
    gated = torch.lerp(own + bias, z.relu(), gate)
    return cross(gated.unflatten(2, query.shape[1:]), query).flatten(2)


@pytest.mark.parametrize("nodes", [0, 1, 3, 7])
@pytest.mark.parametrize(("relations", "residuals", "queries"), [(3, 1, 1), (3, 3, 2), (1, 1, 2)])
def test_equals_the_steps_it_joins(
    nodes: int, relations: int, residuals: int, queries: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "ROWS", 3)
    torch.manual_seed(nodes)
    shapes = [(relations, nodes, 6), (residuals, nodes, 6), (6,), (), (queries, 2, 3)]
    leaves = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]
    outs = [f(*leaves) for f in (gated_crossing, written_out)]
    torch.testing.assert_close(*outs, rtol=0, atol=1e-12)
    found = [torch.autograd.grad(x.square().sum(), leaves, materialize_grads=True) for x in outs]
    for joined, apart in zip(*found, strict=True):
        torch.testing.assert_close(joined, apart, rtol=0, atol=1e-12)
