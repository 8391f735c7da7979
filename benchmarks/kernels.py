"""Attention over segments, forward and backward, beside the ways it is usually written.

    python benchmarks/kernels.py                       # N = 100k, E = 1M, 4 heads x 16, one thread
    python benchmarks/kernels.py --device cuda         # see kernels_cuda.py
    python benchmarks/kernels.py --device dry          # the same on the CPU at a tiny size

Every line gets the same graph and inputs and must give the same result. The lines take turns; a
figure is the median of --repeat turns. `plain torch` gathers and scatters by index, `torch-scatter`
and `PyG` use their own segment kernels on gathered edges.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import kernels_cuda
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from hgl.ops import Segments, segment_softmax_sum

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def plain(src: Tensor, dst: Tensor, segments: int) -> Attention:
    """Gather and scatter in plain torch."""

    def attend(x: Tensor, of_src: Tensor, of_dst: Tensor) -> Tensor:
        score = leaky_relu(of_src[src] + of_dst[dst], 0.2)
        index = dst.unsqueeze(1).expand_as(score)
        largest = score.new_full((segments, score.shape[1]), -torch.inf)
        largest = largest.scatter_reduce(0, index, score.detach(), "amax")
        weight = (score - largest[dst]).exp()
        total = score.new_zeros(segments, score.shape[1]).index_add(0, dst, weight)
        share = (weight / total[dst]).unsqueeze(2)
        return x.new_zeros(segments, *x.shape[1:]).index_add(0, dst, share * x[src])

    return attend


def scatter(src: Tensor, dst: Tensor, segments: int) -> Attention:
    """torch-scatter's kernels on sorted edges."""
    from torch_scatter import gather_csr, segment_csr

    ptr = Segments.from_edge_index(torch.stack([src, dst]), segments, segments).ptr.long()

    def attend(x: Tensor, of_src: Tensor, of_dst: Tensor) -> Tensor:
        score = leaky_relu(of_src[src] + of_dst[dst], 0.2)
        weight = (score - gather_csr(segment_csr(score.detach(), ptr, reduce="max"), ptr)).exp()
        share = weight / gather_csr(segment_csr(weight, ptr, reduce="sum"), ptr)
        return segment_csr(share.unsqueeze(2) * x[src], ptr, reduce="sum")

    return attend


def pyg(src: Tensor, dst: Tensor, segments: int) -> Attention:
    """PyG's softmax and scatter."""
    from torch_geometric.utils import scatter as pyg_scatter
    from torch_geometric.utils import softmax

    def attend(x: Tensor, of_src: Tensor, of_dst: Tensor) -> Tensor:
        share = softmax(leaky_relu(of_src[src] + of_dst[dst], 0.2), dst, num_nodes=segments)
        return pyg_scatter(share.unsqueeze(2) * x[src], dst, 0, dim_size=segments, reduce="sum")

    return attend


def ours(src: Tensor, dst: Tensor, segments: int) -> Attention:
    """`hgl.ops`, the plan built beforehand, as a graph or a batch has it."""
    plan = Segments.from_edge_index(torch.stack([src, dst]), segments, segments)
    plan.transpose  # noqa: B018 built once, on first use
    return lambda x, of_src, of_dst: segment_softmax_sum(x, of_src, of_dst, plan)


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--channels", type=int, default=16, help="per head")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "cuda", "dry"], default="cpu")
    args = parser.parse_args()
    if args.device == "cuda":
        kernels_cuda.report("cuda", [4_000_000, 42_000_000], 8, 64, args.repeat)
        return
    if args.device == "dry":
        kernels_cuda.report("cpu", [2_000], 8, 64, 2)
        return
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    src, dst = torch.randint(args.nodes, (args.edges,)), torch.randint(args.nodes, (args.edges,))
    dst = dst.sort().values
    inputs = (
        torch.randn(args.nodes, args.heads, args.channels),
        *torch.randn(2, args.nodes, args.heads),
    )
    ways = {"hgl.ops": ours, "plain torch": plain}
    if find_spec("torch_scatter"):
        ways["torch-scatter"] = scatter
    ways["PyG"] = pyg
    calls = {name: way(src, dst, args.nodes) for name, way in ways.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    expected: list[Tensor] = []
    for turn in range(args.repeat + 1):
        for name, call in calls.items():
            spent, results = measure(call, inputs)
            expected = expected or results
            for one, other in zip(expected, results, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
            if turn:
                seconds[name].append(spent)
    base = sum(map(statistics.median, zip(*seconds["hgl.ops"])))
    for name, found in seconds.items():
        forward, backward = (statistics.median(part) * 1e3 for part in zip(*found))
        ratio = (forward + backward) / 1e3 / base
        print(f"{name:14} forward {forward:7.0f} ms  backward {backward:7.0f} ms  {ratio:5.1f}x")


def measure(
    attend: Attention, inputs: tuple[Tensor, ...]
) -> tuple[tuple[float, float], list[Tensor]]:
    """Seconds forward and backward, the output and the gradients."""
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    begun = time.perf_counter()
    out = attend(*leaves)
    between = time.perf_counter()
    out.backward(inputs[0])
    ended = time.perf_counter()
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    return (between - begun, ended - between), [out.detach(), *gradients]


if __name__ == "__main__":
    main()
