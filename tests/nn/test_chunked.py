"""Functions applied piece by piece equal themselves applied at once, gradients included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hgl.nn import chunked as module
from hgl.nn.chunked import chunked


def function(a: Tensor, b: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """[2 groups, rows, 3] and [1 group, rows, 3] to [2 groups, rows, 3]."""
    return torch.lerp(b, a.relu(), scale.sigmoid()) * shift


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_pieces_equal_the_whole(rows: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROWS", 3)
    torch.manual_seed(rows)
    shapes = [(2, rows, 3), (1, rows, 3), (), (3,)]
    a, b, scale, shift = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes
    )
    out = chunked(function, [a, b], [scale, shift])
    torch.testing.assert_close(out, function(a, b, scale, shift), rtol=0, atol=0)
    found = [
        torch.autograd.grad(x.square().sum(), (a, b, scale, shift))
        for x in (out, function(a, b, scale, shift))
    ]
    for pieces, whole in zip(*found, strict=True):
        torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-12)


def test_what_needs_no_gradient_gets_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROWS", 2)
    a = torch.randn(2, 5, 3, requires_grad=True)
    b, scale, shift = torch.randn(1, 5, 3), torch.tensor(0.0), torch.ones(3)
    chunked(function, [a, b], [scale, shift]).sum().backward()
    assert a.grad is not None
    assert b.grad is None
