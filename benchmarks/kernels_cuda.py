"""Attention over segments on a GPU: bytes per second beside what copying reaches, and launches.

    python benchmarks/kernels.py --device cuda         # E = 42M, d = 512, bf16; then 4M edges

Needs torch, PyG and numpy alone. The bound is E(4 + Hb + db) + S(d + 2H)b bytes: each edge reads
its source's row. The compulsory bound reads each source row once; caches put the truth between.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from hgl.nn.rhgnn_conv import RHGNNConv
from hgl.ops import CopiedRows, RelationPlan, Segments, backend, segment_softmax_sum
from hgl.ops.backends import running
from hgl.typing import EdgeType, reverse_of

DEGREE = 20


def report(device: str, edges: list[int], heads: int, channels: int, repeat: int) -> None:
    """Print everything.

    Args:
        device: `cuda`; `cpu` only shows that the script runs.
        edges: sizes to measure.
        channels: per head.
    """
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU, a dry run: no figure counts"
    print(f"{name}; torch {torch.__version__}; kernels: {running(device)}")
    equal_to_torch(device)
    copied = copy_rate(device, 2**30 if device == "cuda" else 2**20, repeat)
    print(f"copying: {copied / 1e9:,.0f} GB/s, read and written")
    for count in edges:
        attention(device, count, heads, channels, repeat, copied)
    for relations in (4, 12, 36):
        print(f"launches, R-HGNN layer of {relations} relations: {layer(device, relations)}")


def seconds(run: Callable[[], object], device: str, repeat: int) -> float:
    """Median of `repeat` calls, after two that do not count."""
    found = []
    for turn in range(repeat + 2):
        synchronise(device)
        begun = time.perf_counter()
        run()
        synchronise(device)
        if turn > 1:
            found.append(time.perf_counter() - begun)
    return statistics.median(found)


def synchronise(device: str) -> None:
    """Wait for what was started."""
    if device == "cuda":
        torch.cuda.synchronize()


def copy_rate(device: str, size: int, repeat: int) -> float:
    """Bytes per second that a copy reads and writes."""
    source = torch.ones(size, dtype=torch.int32, device=device)
    into = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: into.copy_(source), device, repeat)


def made(device: str, nodes: int, edges: int) -> Segments:
    """Random edges between as many sources as targets."""
    src, dst = (torch.randint(nodes, (edges,), device=device) for _ in range(2))
    return Segments.from_edge_index(torch.stack([src, dst.sort().values]), nodes, nodes)


def attention(
    device: str, edges: int, heads: int, channels: int, repeat: int, copied: float
) -> None:
    """Print seconds and rates of `segment_softmax_sum` in bfloat16."""
    torch.manual_seed(0)
    nodes = max(1, edges // DEGREE)
    segments = made(device, nodes, edges)
    segments.transpose  # noqa: B018 built once, on first use
    x = torch.randn(nodes, heads, channels, device=device, dtype=torch.bfloat16)
    of_src, of_dst = torch.randn(2, nodes, heads, device=device, dtype=torch.bfloat16)
    width, size = heads * channels, x.element_size()
    targets = nodes * (width + 2 * heads) * size
    bound = edges * (4 + (heads + width) * size) + targets
    compulsory = edges * 4 + nodes * (heads + width) * size + targets
    forward = seconds(lambda: segment_softmax_sum(x, of_src, of_dst, segments), device, repeat)
    print(f"\nE = {edges:,}, S = N = {nodes:,}, {heads} heads x {channels}, bfloat16")
    print(f"forward  {forward * 1e3:9.2f} ms", rates(forward, copied, bound, compulsory))
    for leaf in (x, of_src, of_dst):
        leaf.requires_grad_()
    out = segment_softmax_sum(x, of_src, of_dst, segments)
    grad = torch.randn_like(out)
    backward = seconds(
        lambda: torch.autograd.grad(out, (x, of_src, of_dst), grad, retain_graph=True),
        device,
        repeat,
    )
    print(f"backward {backward * 1e3:9.2f} ms", rates(backward, copied, 3 * edges * width * size))
    print("launches: forward", launches(lambda: segment_softmax_sum(x, of_src, of_dst, segments)))
    if device == "cuda":
        print(f"peak memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
        torch.cuda.reset_peak_memory_stats()


def rates(spent: float, copied: float, bound: int, compulsory: int | None = None) -> str:
    """Bytes per second over one or both bounds, and their shares of a copy's."""
    named = {"the bound": bound, "the compulsory bound": compulsory}
    return "; ".join(
        f"{size / spent / 1e9:,.0f} GB/s over {name} ({size / spent / copied:.0%} of copying)"
        for name, size in named.items()
        if size is not None
    )


def launches(run: Callable[[], object]) -> str:
    """Kernels, copies and fills that one call starts on the GPU, with the most frequent."""
    run()
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=kinds) as profile:
        run()
        synchronise("cuda" if torch.cuda.is_available() else "cpu")
    started = [
        event for event in profile.events() if event.device_type == torch.autograd.DeviceType.CUDA
    ]
    names = sorted({event.name[:40] for event in started})
    return f"{len(started)} {names}"


def layer(device: str, relations: int) -> str:
    """Launches of one R-HGNN layer, forward, over two node types."""
    kinds: list[EdgeType] = [("a", f"k{i}", "b") for i in range(relations // 2)]
    kinds = sorted([*kinds, *map(reverse_of, kinds)])
    ends = {e: torch.randint(1_000, (2, 5_000), device=device) for e in kinds}
    plan = RelationPlan.from_edges(ends, {"a": 1_000, "b": 1_000}, kinds)
    conv = RHGNNConv((["a", "b"], kinds), channels=128, heads=8, relation_in=8, relation_out=8)
    conv = conv.to(device)
    x = [CopiedRows(torch.randn(1_000, 128, device=device)) for _ in "ab"]
    state = torch.randn(relations, 8, device=device)

    @torch.no_grad()
    def forward() -> object:
        return conv.forward_plan(x, state, plan, per_slot=False)

    return launches(forward)


def equal_to_torch(device: str) -> None:
    """Check the backend that runs here against plain torch, in fp32."""
    torch.manual_seed(0)
    segments = made(device, 300, 12_000)
    inputs = [torch.randn(300, 4, 24, device=device), *torch.randn(2, 300, 4, device=device)]
    towards = torch.randn(300, 4, 24, device=device)

    def run() -> list[Tensor]:
        leaves = [x.clone().requires_grad_() for x in inputs]
        out = segment_softmax_sum(*leaves, segments)
        return [out, *torch.autograd.grad(out, leaves, towards)]

    found = run()
    with backend("torch"):
        expected = run()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    print("equal to plain torch, forward and backward")
