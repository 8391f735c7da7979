"""Every kernel, on every backend, against a plain loop over segments."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor

from hgl.errors import ConfigError, SchemaError
from hgl.ops import (
    Segments,
    backend,
    edge_dot,
    edge_score,
    edge_softmax,
    grouped_linear,
    segment_reduce,
    segment_softmax,
    segment_softmax_sum,
    spread,
    weighted_segment_sum,
)
from hgl.ops.backends import interpreted

DEGREES = {"mixed": [0, 3, 1, 0, 33, 2, 0], "empty": [0, 0], "long": [1025, 1], "none": []}
ROWS, HEADS, CHANNELS = 7, 2, 3


# What runs in triton's interpreter must be known before triton comes in: see test_triton.py.
NAMES = ["torch", "torch_scatter", "numba", *(["triton"] if interpreted() else [])]


@pytest.fixture(params=NAMES, autouse=True)
def _backend(request: pytest.FixtureRequest) -> Iterator[None]:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    with backend(request.param):
        yield


def made(degrees: list[int], seed: int = 0) -> Segments:
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(ROWS, (sum(degrees),), generator=generator)
    dst = torch.arange(len(degrees)).repeat_interleave(torch.tensor(degrees, dtype=torch.int64))
    return Segments.from_edge_index(torch.stack([src, dst]), ROWS, len(degrees))


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)


def edges(segments: Segments) -> Iterator[tuple[int, int, int]]:
    """(edge, source, segment)."""
    ptr = segments.ptr.tolist()
    for segment in range(segments.num_segments):
        for edge in range(ptr[segment], ptr[segment + 1]):
            yield edge, int(segments.src[edge]), segment


def loop_attention(x: Tensor, of_src: Tensor, of_dst: Tensor, edge: Tensor, s: Segments) -> Tensor:
    out = [torch.zeros(HEADS, CHANNELS, dtype=x.dtype) for _ in range(s.num_segments)]
    for segment in range(s.num_segments):
        mine = [(e, u) for e, u, v in edges(s) if v == segment]
        for head in range(HEADS):
            if mine:
                raw = [of_src[u, head] + of_dst[segment, head] + edge[e, head] for e, u in mine]
                share = torch.softmax(torch.nn.functional.leaky_relu(torch.stack(raw), 0.2), 0)
                rows = torch.stack([x[u, head] for _, u in mine])
                out[segment][head] = (share.unsqueeze(1) * rows).sum(0)
    return torch.stack(out) if out else x.new_zeros(0, HEADS, CHANNELS)


@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_attention_equals_the_loop(degrees: list[int]):
    s = made(degrees)
    x, of_src = random(ROWS, HEADS, CHANNELS), random(ROWS, HEADS, seed=1)
    of_dst, edge = random(len(degrees), HEADS, seed=2), random(s.num_edges, HEADS, seed=3)
    out = segment_softmax_sum(x, of_src, of_dst, s, edge=edge)
    torch.testing.assert_close(out, loop_attention(x, of_src, of_dst, edge, s), rtol=0, atol=1e-12)


@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_gradients_are_exact(degrees: list[int]):
    s = made(degrees)
    x, of_src = random(ROWS, HEADS, CHANNELS), random(ROWS, HEADS, seed=1)
    of_dst, edge = random(len(degrees), HEADS, seed=2), random(s.num_edges, HEADS, seed=3)
    fast = degrees == DEGREES["long"] or interpreted()
    torch.autograd.gradcheck(
        lambda x, a, b, e: segment_softmax_sum(x, a, b, s, edge=e),
        (x, of_src, of_dst, edge),
        fast_mode=fast,
    )
    target = random(len(degrees), HEADS, CHANNELS, seed=4)
    torch.autograd.gradcheck(lambda a, b: edge_dot(a, b, s), (target, x), fast_mode=fast)


@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_edges_add_their_own_values(degrees: list[int]):
    s, shared = made(degrees), made(degrees, seed=5)
    scores = [random(ROWS, HEADS, seed=1), random(len(degrees), HEADS, seed=2)]
    edge, x = random(s.num_edges, HEADS, seed=3), random(ROWS, HEADS, CHANNELS)
    of_rows, of_edges = random(ROWS, HEADS, CHANNELS, seed=6), random(s.num_edges, HEADS, 3, seed=7)
    for values, segments in ((of_rows, shared), (of_edges, None)):
        out = segment_softmax_sum(x, *scores, s, edge=edge, edge_x=values, edge_rows=segments)
        gathered = values if segments is None else values[segments.src.long()]
        score = edge + scores[0][s.src.long()]
        whole = Segments(torch.arange(s.num_edges, dtype=s.src.dtype), s.ptr, s.num_edges)
        none = torch.zeros_like(score)
        expected = loop_attention(x[s.src.long()] + gathered, none, scores[1], score, whole)
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    torch.autograd.gradcheck(
        lambda x, a, b, e, v: segment_softmax_sum(x, a, b, s, edge=e, edge_x=v, edge_rows=shared),
        (x, *scores, edge, of_rows),
        fast_mode=True,
    )
    if s.num_edges:
        with pytest.raises(ConfigError, match=r"x has shape \(1, 2, 3\)"):
            segment_softmax_sum(x, *scores, s, edge_x=of_edges[:1])


@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_weights_of_edges_equal_softmax_of_scores(degrees: list[int]):
    s, heads = made(degrees), 5
    inputs = [random(ROWS, heads), random(len(degrees), heads, seed=1)]
    inputs.append(random(s.num_edges, heads, seed=2))
    target = random(s.num_edges, heads, seed=3).detach()
    found = []
    for edge in (inputs[2], None):
        leaves = inputs[: 2 if edge is None else 3]
        one = edge_softmax(*inputs[:2], s, edge=edge, negative_slope=0.3)
        score = edge_score(*inputs[:2], s, edge=edge, negative_slope=0.3)
        other = segment_softmax(score, s)
        found += [(one, other)]
        found += zip(*(torch.autograd.grad(out, leaves, target) for out in (one, other)))
    for one, other in found:
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_scores_may_come_from_other_rows_than_are_summed():
    s = made(DEGREES["mixed"])
    rows = Segments(s.src.flip(0) % 3, s.ptr, 3)
    inputs = random(3, HEADS, CHANNELS), random(ROWS, HEADS, seed=1), random(7, HEADS, seed=2)
    torch.autograd.gradcheck(
        lambda x, a, b: segment_softmax_sum(x, a, b, s, rows=rows), inputs, fast_mode=interpreted()
    )
    weight = edge_softmax(*inputs[1:], s)
    torch.testing.assert_close(
        segment_softmax_sum(*inputs, s, rows=rows), weighted_segment_sum(inputs[0], weight, rows)
    )


def test_a_segment_of_a_hundred_thousand_edges():
    s = made([100_000])
    of_src, of_dst = random(ROWS, HEADS, seed=2), random(1, HEADS, seed=3)
    score = torch.nn.functional.leaky_relu(of_src[s.src.long()] + of_dst, 0.2)
    weights = edge_softmax(of_src, of_dst, s), torch.softmax(score, 0)
    target = random(100_000, HEADS, seed=4).detach()
    grads = [torch.autograd.grad(out, (of_src, of_dst), target) for out in weights]
    for one, other in zip((weights[0], *grads[0]), (weights[1], *grads[1])):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    x, weight = random(ROWS, HEADS, CHANNELS), random(100_000, HEADS, seed=1)
    share = segment_softmax(weight, s)
    torch.testing.assert_close(share, torch.softmax(weight, 0))
    out = weighted_segment_sum(x, share, s)
    expected = torch.einsum("eh,ehd->hd", torch.softmax(weight, 0), x[s.src.long()])
    torch.testing.assert_close(out[0], expected)


def test_attention_sums_to_one_and_ignores_a_common_shift():
    s = made(DEGREES["mixed"])
    score = random(s.num_edges, HEADS).detach()
    share = segment_softmax(score, s)
    total = torch.zeros(s.num_segments, HEADS, dtype=torch.float64)
    for edge, _, segment in edges(s):
        total[segment] += share[edge]
    full = torch.tensor(DEGREES["mixed"]) > 0
    torch.testing.assert_close(total, full.double().unsqueeze(1).expand(-1, HEADS))
    torch.testing.assert_close(segment_softmax(score + 1e4, s), share, rtol=0, atol=1e-10)


@pytest.mark.parametrize("reduction", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_reductions_equal_the_loop(reduction: str, degrees: list[int]):
    s, x = made(degrees), random(ROWS, 4)
    expected = x.new_zeros(len(degrees), 4)
    for segment in range(len(degrees)):
        rows = [u for _, u, v in edges(s) if v == segment]
        if rows:
            found = getattr(x[rows], reduction)(0)
            expected[segment] = found if reduction in ("sum", "mean") else found.values
    out = segment_reduce(x, s, reduction)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-10)
    fast = degrees == DEGREES["long"]
    torch.autograd.gradcheck(lambda x: segment_reduce(x, s, reduction), (x,), fast_mode=fast)


@pytest.mark.parametrize("degrees", DEGREES.values(), ids=DEGREES)
def test_spreading_repeats_each_segments_row(degrees: list[int]):
    s, x = made(degrees), random(len(degrees), HEADS)
    rows = [x[segment] for _, _, segment in edges(s)]
    assert torch.equal(spread(x, s), torch.stack(rows) if rows else x.new_zeros(0, HEADS))
    torch.autograd.gradcheck(lambda x: spread(x, s), (x,), fast_mode=degrees == DEGREES["long"])


def test_grouped_linear_equals_the_loop():
    x, weight, ptr = random(6, 3), random(3, 3, 4, seed=1), [0, 2, 2, 6]
    parts = [x[a:b] @ w for a, b, w in zip(ptr, ptr[1:], weight)]
    torch.testing.assert_close(grouped_linear(x, weight, ptr), torch.cat(parts))
    torch.autograd.gradcheck(lambda x, w: grouped_linear(x, w, ptr), (x, weight))


def test_inputs_need_not_be_contiguous():
    s = made(DEGREES["mixed"])
    x, of_src = random(ROWS, HEADS, CHANNELS), random(ROWS, HEADS, seed=1)
    of_dst = random(s.num_segments, HEADS, seed=2)
    strewn = [t.detach().transpose(0, 1).contiguous().transpose(0, 1) for t in (x, of_src, of_dst)]
    assert not strewn[0].is_contiguous()
    torch.testing.assert_close(
        segment_softmax_sum(*strewn, s), segment_softmax_sum(x, of_src, of_dst, s)
    )


def test_edges_in_any_order_give_the_same_segments():
    s = made(DEGREES["mixed"])
    ends = torch.tensor([(u, v) for _, u, v in edges(s)]).T
    shuffled = torch.randperm(s.num_edges, generator=torch.Generator().manual_seed(0))
    again = Segments.from_edge_index(ends[:, shuffled], ROWS, s.num_segments)
    x, weight = random(ROWS, HEADS, CHANNELS), random(s.num_edges, HEADS, seed=1)
    assert s.order is None
    assert again.order is not None
    torch.testing.assert_close(
        weighted_segment_sum(x, weight[shuffled][again.order], again),
        weighted_segment_sum(x, weight, s),
    )


def test_the_same_inputs_give_the_same_bits():
    s = made([2000, 1, 3000])
    args = random(ROWS, HEADS, CHANNELS), random(ROWS, HEADS, seed=1), random(3, HEADS, seed=2)
    first, second = (segment_softmax_sum(*args, s) for _ in range(2))
    assert torch.equal(first, second)
    grads = [torch.autograd.grad(out.square().sum(), args) for out in (first, second)]
    assert all(torch.equal(a, b) for a, b in zip(*grads))


def test_wrong_shapes_name_the_argument():
    s = made(DEGREES["mixed"])
    x, weight = random(ROWS, HEADS, CHANNELS), random(s.num_edges, HEADS)
    with pytest.raises(ConfigError, match=r"^x has shape \(6, 2, 3\)"):
        weighted_segment_sum(x[:6], weight, s)
    with pytest.raises(ConfigError, match=r"^weight has shape .* here \[39, 2\]"):
        weighted_segment_sum(x, weight[:, :1], s)
    with pytest.raises(ConfigError, match=r"^score_dst"):
        edge_score(x[:, :, 0], x[:2, :, 0], s)
    with pytest.raises(ConfigError, match=r"^reduction='median'"):
        segment_reduce(x[:, 0], s, "median")
    with pytest.raises(ConfigError, match=r"^ptr="):
        grouped_linear(x[:, 0], random(2, CHANNELS, 4), [0, 9])
    with pytest.raises(ConfigError, match=r"^backend='numpy'"):
        backend("numpy")
    with pytest.raises(SchemaError, match="source rows 0 to 9, expected 0 to 8"):
        Segments.from_edge_index(torch.tensor([[0, 9], [0, 0]]), 9, 1)


def test_compiled_code_calls_the_kernels_without_a_graph_break():
    s = made(DEGREES["mixed"])
    s.transpose  # noqa: B018 a plan is built once, outside the compiled code
    args = [random(ROWS, HEADS, CHANNELS), random(ROWS, HEADS), random(s.num_segments, HEADS)]

    def layer(x: Tensor, of_src: Tensor, of_dst: Tensor) -> Tensor:
        return segment_softmax_sum(x, of_src, of_dst, s).relu()

    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*args), layer(*args))
    found = [torch.autograd.grad(f(*args).square().sum(), args) for f in (compiled, layer)]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_operators_keep_torchs_rules():
    s = made(DEGREES["mixed"])
    back = s.transpose
    plan = (s.src, s.ptr, back.segment, back.ptr, back.edge)
    x, weight = random(ROWS, HEADS, CHANNELS), random(s.num_edges, HEADS)
    target, rows = random(s.num_segments, HEADS, CHANNELS), random(ROWS, CHANNELS)
    score = (random(ROWS, HEADS), random(s.num_segments, HEADS), None, s.src, s.ptr)
    known = [tensor.detach() for tensor in (x, weight, target)]  # gradients have no gradient
    for operator, args in (
        (torch.ops.hgl.weighted_sum, (x, weight, *plan)),
        (torch.ops.hgl.edge_dot, (target, x, *plan)),
        (torch.ops.hgl.weighted_sum_backward, (*known[:3], *plan)),
        (torch.ops.hgl.weighted_sum_transposed, (known[2], known[1], *plan[2:])),
        (torch.ops.hgl.segment_softmax, (weight, s.ptr)),
        (torch.ops.hgl.segment_softmax_backward, (known[1], known[1], s.ptr)),
        (torch.ops.hgl.edge_score, (*score, back.ptr, back.edge, 0.2)),
        (torch.ops.hgl.edge_softmax, (*score, back.ptr, back.edge, 0.2)),
        (torch.ops.hgl.edge_softmax_backward, (known[1], known[1] > 0, known[1], s.ptr, 0.2)),
        (torch.ops.hgl.row_sum, (rows, s.src, s.ptr, back.segment, back.ptr)),
        (torch.ops.hgl.spread, (score[1], s.src, s.ptr)),
        (torch.ops.hgl.segment_max, (rows, s.src, s.ptr)),
        (torch.ops.hgl.grouped_linear, (rows, random(2, CHANNELS, 4), [0, 3, ROWS])),
    ):
        with backend("torch"):  # the only one that torch can trace
            torch.library.opcheck(operator.default, args)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "longest"), [(torch.float32, 1e-4, 3000), (torch.bfloat16, 0.1, 30)]
)
def test_lower_precision_follows_double(dtype: torch.dtype, tolerance: float, longest: int):
    s = made([5, 0, longest, 9])
    args = random(ROWS, 3, 29), random(ROWS, 3, seed=1), random(4, 3, seed=2)
    low = [tensor.detach().to(dtype).requires_grad_() for tensor in args]
    outs = segment_softmax_sum(*args, s), segment_softmax_sum(*low, s)
    grads = [torch.autograd.grad(out.sum(), of) for out, of in zip(outs, (args, low))]
    for exact, rough in zip((outs[0], *grads[0]), (outs[1], *grads[1]), strict=True):
        torch.testing.assert_close(rough.double(), exact, rtol=tolerance, atol=tolerance)


def test_scores_without_bounds():
    s = made([3, 2, 2])
    score = torch.tensor([[0.0, -torch.inf, -200.0, 1.0, torch.nan, 0.0, 1e30]]).T
    expected = torch.cat([torch.softmax(part, 0) for part in score.split([3, 2, 2])])
    torch.testing.assert_close(segment_softmax(score, s), expected, equal_nan=True)
    each = Segments(torch.arange(7).int(), s.ptr, 7)
    share = edge_softmax(score, score.new_zeros(3, 1), each, negative_slope=1.0)
    torch.testing.assert_close(share, expected, equal_nan=True)
