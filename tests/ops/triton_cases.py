"""Triton's kernels against plain torch in fp64; `test_triton.py` runs this in its own process.

On CUDA where there is one, else in triton's interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hgl.ops import (
    Segments,
    backend,
    edge_dot,
    segment_reduce,
    segment_softmax,
    segment_softmax_sum,
    weighted_segment_sum,
)

DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else "cuda"
ROWS = 5
DEGREES = {"mixed": [0, 1, 33, 0, 2, 1025, 0], "one": [1], "no edges": [0, 0], "no segments": []}
SHAPES = [(1, 1), (3, 20), (8, 16), (1, 260)]


def made(degrees: list[int], seed: int = 0, rows: int = ROWS) -> Segments:
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(rows, (sum(degrees),), generator=generator)
    dst = torch.arange(len(degrees)).repeat_interleave(torch.tensor(degrees, dtype=torch.int64))
    ends = torch.stack([src, dst]).to(DEVICE)
    return Segments.from_edge_index(ends, rows, len(degrees))


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(DEVICE)


def results(run: Callable[..., Tensor], inputs: list[Tensor], name: str) -> list[Tensor]:
    """The output and the gradients of all inputs, on one backend."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    with backend(name):
        out = run(*leaves)
        towards = random(*out.shape, seed=9).to(out.dtype)
        return [out.detach(), *torch.autograd.grad(out, leaves, towards)]


def compare(run: Callable[..., Tensor], inputs: list[Tensor], tolerance: float = 1e-12) -> None:
    pairs = zip(results(run, inputs, "triton"), results(run, inputs, "torch"), strict=True)
    for number, (one, other) in enumerate(pairs):
        assert one.dtype == other.dtype
        scale = float(other.abs().max().clamp(min=1)) if other.numel() else 1.0
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * scale, msg=f"{number}")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_attention_equals_torch(degrees: list[int], shape: tuple[int, int]):
    s, (heads, channels) = made(degrees), shape
    inputs = [random(ROWS, heads, channels), random(ROWS, heads, seed=1)]
    inputs += [random(len(degrees), heads, seed=2), random(s.num_edges, heads, seed=3)]
    compare(lambda x, a, b, e: segment_softmax_sum(x, a, b, s, edge=e), inputs)
    compare(lambda x, a, b: segment_softmax_sum(x, a, b, s, negative_slope=0.5), inputs[:3])


def test_scores_may_come_from_other_rows_than_are_summed():
    s, rows = made(DEGREES["mixed"]), made(DEGREES["mixed"], seed=1, rows=3)
    inputs = [random(3, 2, 5), random(ROWS, 2, seed=1), random(s.num_segments, 2, seed=2)]
    compare(lambda x, a, b: segment_softmax_sum(x, a, b, s, rows=rows), inputs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_the_parts_equal_torch(degrees: list[int], shape: tuple[int, int]):
    s, x, weight = made(degrees), random(ROWS, *shape), random(sum(degrees), shape[0], seed=1)
    compare(lambda x, w: weighted_segment_sum(x, w, s), [x, weight])
    compare(lambda a, b: edge_dot(a, b, s), [random(len(degrees), *shape, seed=2), x])
    compare(lambda score: segment_softmax(score, s), [weight])
    compare(lambda x: segment_reduce(x, s), [x.flatten(1)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_lower_precision_stays_near_double(dtype: torch.dtype):
    s = made(DEGREES["mixed"])
    inputs = [random(ROWS, 4, 24), random(ROWS, 4, seed=1), random(s.num_segments, 4, seed=2)]
    low = [x.to(dtype) for x in inputs]

    def attend(*inputs: Tensor) -> Tensor:
        return segment_softmax_sum(*inputs, s)

    exact = results(attend, [x.double() for x in low], "torch")
    for one, other in zip(results(attend, low, "triton"), exact, strict=True):
        assert one.dtype == dtype
        error = (one.double() - other).norm() / other.norm()
        assert error < (1e-5 if dtype == torch.float32 else 2e-2)


def test_scores_may_be_more_precise_than_rows():
    s = made([3, 40])
    x, scores = random(ROWS, 2, 8).bfloat16(), [random(ROWS, 2).float(), random(2, 2).float()]
    found = results(lambda x, a, b: segment_softmax_sum(x, a, b, s), [x, *scores], "triton")
    assert [t.dtype for t in found] == [torch.bfloat16] * 2 + [torch.float32] * 2


def test_ten_thousand_more_on_every_score_changes_nothing():
    s = made(DEGREES["mixed"])
    x, of_src = random(ROWS, 2, 5).float(), random(ROWS, 2, seed=1).mul(64).round().div(64).float()
    of_dst = torch.zeros(s.num_segments, 2, device=DEVICE)  # sums are exact in fp32
    for shift in (1e4, -1e4):
        run = [
            results(
                lambda x, a, b: segment_softmax_sum(x, a, b, s, negative_slope=1.0),
                [x, of_src, of_dst + added],
                "triton",
            )
            for added in (0, shift)
        ]
        assert all(torch.equal(one, other) for one, other in zip(*run, strict=True))


def test_a_segment_whose_first_edges_weigh_nothing():
    s = Segments.from_edge_index(
        torch.stack([torch.arange(100) // 50, torch.zeros(100, dtype=torch.int64)]).to(DEVICE), 2, 1
    )
    of_src = torch.tensor([[-torch.inf], [0.0]], device=DEVICE)
    x = torch.tensor([[[1.0]], [[2.0]]], device=DEVICE)
    with backend("triton"):
        out = segment_softmax_sum(x, of_src, torch.zeros(1, 1, device=DEVICE), s)
    assert out.item() == 2.0


@pytest.mark.parametrize("cut", [32, 33, 64])
@pytest.mark.parametrize("degrees", [[64], [3, 65, 0, 33, 1, 300], [1] * 70, [32, 32, 32, 34, 64]])
def test_segments_in_pieces(cut: int, degrees: list[int], monkeypatch: pytest.MonkeyPatch):
    from hgl.ops.backends import triton

    monkeypatch.setattr(triton, "CUT", cut)
    s, count = made(degrees), len(degrees)
    inputs = [random(ROWS, 2, 3), random(ROWS, 2, seed=1), random(count, 2, seed=2)]
    compare(lambda x, a, b: segment_softmax_sum(x, a, b, s), inputs)
    compare(lambda x: segment_reduce(x, s), [inputs[0].flatten(1)])
    compare(lambda a, b: edge_dot(a, b, s), [random(count, 2, 3), inputs[0]])


def test_a_segment_of_a_hundred_thousand_edges(monkeypatch: pytest.MonkeyPatch):
    if DEVICE == "cpu":  # the interpreter is as slow with few edges at a time as with many
        from hgl.ops.backends import triton

        monkeypatch.setattr(triton, "MOST_EDGES", 2_048)
        monkeypatch.setattr(triton, "TILE", 2**16)
    s = made([3, 100_000, 0, 5_000, 1])
    inputs = [random(ROWS, 2, 3), random(ROWS, 2, seed=1), random(5, 2, seed=2)]
    compare(lambda x, a, b: segment_softmax_sum(x, a, b, s), inputs, 1e-11)
    compare(lambda x: segment_reduce(x, s), [inputs[0].flatten(1)], 1e-11)


def test_long_segments_of_rows_in_lower_precision():
    s = made([5_000])
    x, weight = random(ROWS, 1, 4).bfloat16(), random(5_000, 1, seed=1).bfloat16()
    with backend("triton"):
        out = weighted_segment_sum(x, weight, s)
    exact = torch.einsum("eh,ehd->hd", weight.double(), x.double()[s.src.long()])
    assert (out[0].double() - exact).norm() / exact.norm() < 4e-3  # rounded once, at the end


def test_the_same_inputs_give_the_same_bits():
    s = made([200, 1, 5_000])
    inputs = [random(ROWS, 2, 3), random(ROWS, 2, seed=1), random(3, 2, seed=2)]
    inputs = [x.float() for x in inputs]
    first, second = (
        results(lambda x, a, b: segment_softmax_sum(x, a, b, s), inputs, "triton") for _ in range(2)
    )
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.skipif(DEVICE == "cpu", reason="4 GiB of rows: only where a GPU holds them")
def test_rows_beyond_two_to_the_31_numbers():
    rows = 2**31 // 64 + 3
    x = torch.zeros(rows, 1, 64, dtype=torch.bfloat16, device=DEVICE)
    x[-1] = 1
    src, ptr = (torch.tensor(v, dtype=torch.int32, device=DEVICE) for v in ([rows - 1], [0, 1]))
    s = Segments(src, ptr, rows)
    with backend("triton"):
        out = weighted_segment_sum(x, x.new_ones(1, 1), s)
    assert torch.equal(out, x[-1:])


@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device")
def test_tensors_on_cuda_choose_triton():
    s, x = made([2]), random(ROWS, 1, 4).requires_grad_()
    out = segment_softmax_sum(x, random(ROWS, 1), random(1, 1), s)
    assert "attend" in type(out.grad_fn).__name__.lower()
