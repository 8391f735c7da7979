"""Dropout keeps the mean, the gradient and torch's seed."""

from __future__ import annotations

import pytest
import torch

from hgl.distill.graph.dropout import dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_stated_share_is_zero_and_the_mean_stays(share: float):
    torch.manual_seed(0)
    x = torch.ones(401, 499, requires_grad=True)
    out = dropout(x, share, True)
    assert (out == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert out.detach().mean().item() == pytest.approx(1, abs=0.01)
    # No row, no column and no neighbour is favoured.
    assert (out == 0).float().mean(0).max() < share + 0.12
    assert (out == 0).float().mean(1).max() < share + 0.12
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_a_seed_decides_and_evaluation_leaves_all():
    x = torch.randn(7, 3)
    torch.manual_seed(0)
    first = dropout(x, 0.5, True)
    second = dropout(x, 0.5, True)
    torch.manual_seed(0)
    assert torch.equal(first, dropout(x, 0.5, True))
    assert not torch.equal(first, second)
    assert dropout(x, 0.5, False) is x
    assert dropout(x, 0.0, True) is x
    assert dropout(x[:0], 0.5, True).shape == (0, 3)
