"""pyg-lib's product of groups, where it is; and that what it is given is what it documents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hgl.ops import grouped_linear
from hgl.ops.backends import pyg_lib

PTR = [0, 2, 2, 6]


def made(device: str = "cpu") -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 6, generator=generator).T[:, :3]
    return x.to(device), torch.randn(3, 3, 4, generator=generator).to(device)


def looped(x: Tensor, weight: Tensor) -> Tensor:
    return torch.cat([x[a:b] @ w for a, b, w in zip(PTR, PTR[1:], weight)])


def documented(inputs: Tensor, ptr: Tensor, other: Tensor) -> Tensor:
    """`pyg_lib.ops.segment_matmul` as its documentation has it."""
    assert inputs.is_contiguous()
    assert other.is_contiguous()
    assert ptr.dtype == torch.int64
    assert ptr.device.type == "cpu"
    return torch.cat([inputs[a:b] @ w for a, b, w in zip(ptr, ptr[1:], other)])


def test_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyg_lib, "segment_matmul", lambda: documented)
    monkeypatch.setattr(pyg_lib, "suits", lambda x: True)
    x, weight = (t.double().requires_grad_() for t in made())
    torch.testing.assert_close(grouped_linear(x, weight, PTR), looped(x, weight))
    torch.autograd.gradcheck(lambda x, w: grouped_linear(x, w, PTR), (x, weight))


def test_itself() -> None:
    if pyg_lib.segment_matmul() is None:
        pytest.skip("pyg-lib is not installed, or is of another torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, weight = made(device)
    torch.testing.assert_close(pyg_lib.grouped_linear(x, weight, PTR), looped(x, weight))
