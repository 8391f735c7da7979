"""Training steps with graph and sampler on the GPU, beside a CPU loader that feeds the GPU.

    python benchmarks/device_step.py                   # a made-up shop: 2M reviews
    python benchmarks/device_step.py --device cpu --reviews 5000 --steps 3       # a dry run

Needs torch, PyG and numpy alone; where numba is absent the CPU loader samples with torch, too, and
the output says so. Steps have sampling, features, transfer, forward, backward and update in them.
"""

from __future__ import annotations

import argparse
import functools
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from hgl.features.table import TableFeatures
from hgl.graph.loader import SeedLoader
from hgl.graph.relations import RelationStore, foreign_key_relations
from hgl.graph.temporal_graph import TemporalGraph
from hgl.models.relational import RelationalModel
from hgl.models.rhgnn import RHGNN
from hgl.ops.backends import running
from hgl.typing import Cut, TableLayout

COLUMNS, DAYS = 8, 1_000 * 86_400


@dataclass
class MadeUpSeeds:
    """Users at random times, each with a yes or no."""

    entity: np.ndarray
    time: np.ndarray
    target: np.ndarray
    task: Any = field(
        default_factory=lambda: SimpleNamespace(entity_table="users", remove_columns=())
    )
    cut: Cut = "inclusive"
    visible_until: int | None = None
    stats_until: int = DAYS


def shop(reviews: int) -> tuple[TemporalGraph, dict[str, TableFeatures]]:
    """Users and products, and reviews that refer to both."""
    random = np.random.default_rng(0)
    sizes = {"products": reviews // 100, "reviews": reviews, "users": reviews // 20}
    times = np.sort(random.integers(0, DAYS, reviews))
    relations = {}
    for parent in ("products", "users"):
        for relation in foreign_key_relations(
            "reviews",
            f"{parent[:-1]}_id",
            parent,
            random.integers(0, sizes[parent], reviews),
            num_parents=sizes[parent],
            child_time=times,
            parent_time=None,
        ):
            relations[relation.edge_type] = relation
    time_of = {t: torch.from_numpy(times) if t == "reviews" else None for t in sizes}
    layout = TableLayout(
        numerical=tuple(f"c{i}" for i in range(COLUMNS)), knots=tuple(() for _ in range(COLUMNS))
    )
    features = {
        t: TableFeatures(layout, {"numerical": torch.randn(n, COLUMNS)}, n)
        for t, n in sizes.items()
    }
    return TemporalGraph.from_store(RelationStore(sizes, time_of, relations)), features


def seconds_per_step(
    graph: TemporalGraph,
    features: dict[str, TableFeatures],
    device: str,
    args: argparse.Namespace,
    workers: int,
) -> float:
    """Train on batches of the given graph, wherever that is; the model is on `device`."""
    random = np.random.default_rng(1)
    count = args.batch_size * (args.steps + args.warm_up)
    users = random.integers(0, graph.num_nodes["users"], count)
    seeds = MadeUpSeeds(users, random.integers(DAYS // 2, DAYS, count), random.random(count) < 0.5)
    loader = SeedLoader(
        graph,
        seeds,
        num_neighbors=args.num_neighbors,
        batch_size=args.batch_size,
        shuffle=True,
        workers=workers,
        threads=args.threads,
        features=features,
    )
    torch.manual_seed(0)
    model = RelationalModel(
        metadata=graph.metadata(),
        layouts={t: table.layout for t, table in features.items()},
        timed=graph.timed,
        entity_table="users",
        out_channels=1,
        gnn=functools.partial(RHGNN, num_layers=len(args.num_neighbors)),
        channels=args.channels,
    ).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    begun = 0.0
    for step, batch in enumerate(loader):
        if step == args.warm_up:
            synchronise(device)
            begun = time.perf_counter()
        train_step(model, optimizer, batch.to(device), device)
    synchronise(device)
    return (time.perf_counter() - begun) / args.steps


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Any, device: str) -> None:
    """Forward, backward and update, in bfloat16 on a GPU as the trainer does."""
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        out = model(batch)[:, 0]
    truth = batch["users"].y.float()
    nn.functional.binary_cross_entropy_with_logits(out.float(), truth).backward()
    optimizer.step()


def synchronise(device: str) -> None:
    """Wait for what was started."""
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Print both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--reviews", type=int, default=2_000_000)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--num-neighbors", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--warm-up", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU sampler")
    parser.add_argument("--workers", type=int, default=2, help="threads of the CPU loader")
    args = parser.parse_args()
    device = args.device
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU, a dry run: no figure counts"
    print(f"{name}; torch {torch.__version__}; kernels: {running(device)}")
    graph, features = shop(args.reviews)
    fed = seconds_per_step(graph, features, device, args, args.workers)
    sampler = "numba" if find_spec("numba") else "torch, for want of numba"
    print(f"CPU loader ({sampler}, {args.workers} workers): {fed * 1e3:8.2f} ms a step")
    moved = {t: table.to(device) for t, table in features.items()}
    resident = seconds_per_step(graph.to(device), moved, device, args, 0)
    print(f"graph and sampler on the device: {resident * 1e3:8.2f} ms a step")
    print(f"{fed / resident:.2f}x as fast")


if __name__ == "__main__":
    main()
