"""R-HGNN beside a loop over its relations and beside GraphSAGE, and the memory of a layer.

    python benchmarks/layers.py [--data ../shared/data/rel-f1] [--dropout 0.3]

One thread. What is compared takes turns in one process; a figure is the median of CPU seconds, so
that other work on the machine counts as little as it can. `--dropout` is the rows' and the
network's, both models alike.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the command does, before torch comes in

import torch
from torch import Tensor, nn

import hgl
from hgl.features.encode import encode, measure_tables
from hgl.models.relational import RelationalModel
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.nn.relation_mixing import cross
from hgl.nn.rhgnn_conv import RHGNNConv
from hgl.ops import CopiedRows, Copies, RelationPlan, Transpose, segment_softmax_sum
from hgl.train.phases import peak_mb
from hgl.typing import EdgeType, Metadata, NodeType, reverse_of

CHANNELS, HEADS, STATE = 128, 8, 8
SOURCES, TARGETS, EDGES, ROWS = 18_000, 12_000, 14_000, 6_000
"""Nodes per type on either side, edges per relation, distinct rows per type."""
FORTH = [("a", "k", "b"), ("a", "l", "c"), ("a", "m", "d")]
FORTH += [("b", "k", "d"), ("c", "k", "d"), ("d", "k", "d")]
METADATA: Metadata = (["a", "b", "c", "d"], sorted([*FORTH, *map(reverse_of, FORTH)]))


def sampled_plan(
    sources: int = SOURCES, targets: int = TARGETS, edges: int = EDGES
) -> RelationPlan:
    """12 relations at the size of a batch of 512: nodes per type, edges per relation."""
    torch.manual_seed(0)
    num_src, num_dst = (dict.fromkeys(METADATA[0], n) for n in (sources, targets))
    src, ptr = list[Tensor](), [torch.zeros(1, dtype=torch.int64)]
    for t in METADATA[0]:
        for e in (e for e in METADATA[1] if e[2] == t):
            src.append(torch.randint(sources, (edges,)) + METADATA[0].index(e[0]) * sources)
            counts = torch.bincount(torch.randint(targets, (edges,)), minlength=targets)
            ptr.append(counts.cumsum(0) + ptr[-1][-1])
    plan = (torch.cat(src).int(), torch.cat(ptr).int())
    return RelationPlan(*plan, num_src=num_src, num_dst=num_dst, edge_types=METADATA[1])


def relation_loop(
    conv: RHGNNConv, x: Mapping[EdgeType, Tensor], state: Tensor, plan: RelationPlan
) -> list[Tensor]:
    """`RHGNNConv` one relation after another, on the kernels of `hgl.ops`.

    Args:
        x: [source nodes, channels] of each relation's receiving type.
    """
    z: dict[NodeType, list[Tensor]] = {t: [] for t in conv.node_types}
    for block in plan.blocks:
        e = block.edge_type
        s, t = conv.node_types.index(e[0]), conv.node_types.index(e[2])
        query = (state[block.position] @ conv.attention[block.position]).view(2, conv.heads, -1)
        own = x[e][: plan.num_dst[e[2]]]
        sent = (x[reverse_of(e)] @ conv.project[s]).unflatten(1, (conv.heads, -1))
        received = (own @ conv.project[t]).unflatten(1, (conv.heads, -1))
        scores = (sent * query[1]).sum(2), (received * query[0]).sum(2)
        pooled = segment_softmax_sum(sent, *scores, block.segments).flatten(1).relu()
        kept = own @ conv.residual[t] + conv.residual_bias[t]
        z[e[2]].append(torch.lerp(kept, pooled, conv.gate[t].sigmoid()))
    return [
        cross(torch.stack(z[t]).unflatten(2, (conv.heads, -1)), mix.query).flatten(2)
        for t, mix in zip(conv.node_types, conv.cross, strict=True)
    ]


def layer_against_loop(repeat: int) -> None:
    """Forward and backward of a first layer, on nodes, and of a later one, on slots."""
    conv = RHGNNConv(
        METADATA, channels=CHANNELS, heads=HEADS, relation_in=STATE, relation_out=STATE
    )
    per_node, per_slot = [1] * len(conv.entering), conv.entering
    against_loop("the first layer, rows copied 3 times on average", conv, per_node, repeat, ROWS)
    against_loop("the first layer, no row twice", conv, per_node, repeat)
    against_loop("a later layer", conv, per_slot, repeat)


def against_loop(
    title: str, conv: RHGNNConv, groups: Sequence[int], repeat: int, rows: int | None = None
) -> None:
    """Print one comparison.

    Args:
        groups: vectors per node, 1 or one per relation, of each node type.
        rows: distinct rows of each type that its nodes are copied from; None for no copies.
    """
    shape, per_slot = sampled_plan(), set(groups) != {1}
    state = torch.randn(len(METADATA[1]), STATE)
    parts = [
        CopiedRows(
            torch.randn(rows or SOURCES * n, CHANNELS, requires_grad=True),
            copies_of(rows) if rows else None,
        )
        for n in groups
    ]
    leaves = [*(part.rows for part in parts), *conv.parameters()]

    def fused(plan: RelationPlan) -> list[Tensor]:
        return conv.forward_plan(parts, state, plan, per_slot=per_slot)[0]

    def looped(plan: RelationPlan) -> list[Tensor]:
        x = {}
        for part, t in zip(parts, conv.node_types, strict=True):
            kinds = [e for e in conv.edge_types if e[2] == t]
            vectors = part.dense().unflatten(0, (-1, SOURCES))
            x |= dict(zip(kinds, vectors if per_slot else [vectors[0]] * len(kinds), strict=True))
        return relation_loop(conv, x, state, plan)

    for one, other in zip(fused(fresh(shape)), looped(fresh(shape)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    ways = {
        "RHGNNConv": functools.partial(forth_and_back, fused, shape, leaves),
        "loop over relations": functools.partial(forth_and_back, looped, shape, leaves),
    }
    print(f"\n12 relations, {title}")
    report(taking_turns(ways, repeat), "RHGNNConv")


def copies_of(rows: int) -> Copies:
    """A type's nodes, each the copy of a random row."""
    index = torch.randint(rows, (SOURCES,))
    ptr = torch.bincount(index, minlength=rows).cumsum(0)
    ptr = torch.cat([ptr.new_zeros(1), ptr])
    return Copies(index, Transpose(ptr.int(), index.argsort(stable=True).int()))


def fresh(plan: RelationPlan) -> RelationPlan:
    """The same edges, nothing known of them yet: a batch is seen once."""
    return RelationPlan(
        plan.src, plan.ptr, num_src=plan.num_src, num_dst=plan.num_dst, edge_types=METADATA[1]
    )


def forth_and_back(
    run: Callable[[RelationPlan], list[Tensor]], plan: RelationPlan, leaves: Sequence[Tensor]
) -> None:
    """One step, the gradients thrown away."""
    total = torch.stack([out.sum() for out in run(fresh(plan))]).sum()
    torch.autograd.grad(total, leaves, allow_unused=True)


def steps_on_driver_dnf(data: Path, dropout: float, batches: int) -> None:
    """Training steps on the same batches of 512 (128 channels, fan-out [128, 64])."""
    db, task = hgl.Database.open(data), hgl.Task.load(data / "tasks" / "driver-dnf")
    seeds, graph = task.seeds(db, "train"), hgl.build_graph(db)
    statistics_ = measure_tables(db, stats_until=seeds.stats_until, hidden=task.remove_columns)
    features = encode(db, statistics_)
    loader = hgl.SeedLoader(
        graph,
        seeds,
        num_neighbors=(128, 64),
        batch_size=512,
        shuffle=True,
        workers=0,
        features=features,
    )
    ways = {}
    drawn = list(islice(loader, batches))
    for name, gnn in (("GraphSAGE", HeteroGraphSAGE), ("R-HGNN", RHGNN)):
        torch.manual_seed(0)
        model = RelationalModel(
            metadata=graph.metadata(),
            layouts={t: features[t].layout for t in graph.node_types},
            timed=[t for t in graph.node_types if graph.time[t] is not None],
            entity_table=task.entity_table,
            out_channels=1,
            gnn=functools.partial(gnn, dropout=dropout),
            channels=CHANNELS,
            dropout=dropout,
        )
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)
        ways[name] = functools.partial(train_step, model, optimizer, iter(drawn * 2))
    print(f"\ntraining step on driver-dnf, dropout {dropout:g}")
    report(taking_turns(ways, batches - 1), "GraphSAGE")


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, batches: object) -> None:
    """Forward, backward and update on the next batch."""
    batch = next(batches)
    store = next(store for store in batch.node_stores if "input_id" in store)
    loss = nn.functional.binary_cross_entropy_with_logits(model(batch)[:, 0], store.y.float())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def taking_turns(ways: Mapping[str, Callable[[], None]], repeat: int) -> dict[str, float]:
    """Median CPU seconds of each, after a first turn that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name, run in ways.items():
            begun = time.process_time()
            run()
            if turn:
                seconds[name].append(time.process_time() - begun)
    return {name: statistics.median(found) for name, found in seconds.items()}


def report(seconds: Mapping[str, float], base: str) -> None:
    """Milliseconds, and how many times the base's."""
    for name, value in seconds.items():
        print(f"  {name:20} {value * 1e3:7.0f} ms  {value / seconds[base]:5.2f}x")


def peak_per_edge() -> None:
    """How much the peak of a layer grows per edge, at two widths, each in its own process."""
    print("\npeak memory of a layer, forward and backward, per further edge")
    for channels in (64, 256):
        few, many = (
            int(
                subprocess.run(
                    [sys.executable, __file__, "--peak", str(edges), str(channels)],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for edges in (100_000, 400_000)
        )
        grown = (many - few) / (300_000 * len(METADATA[1]))
        print(f"  {channels:3} channels {grown:5.0f} bytes; [edges, channels] {channels * 4}")


def peak(edges: int, channels: int) -> None:
    """Print the peak resident bytes of one layer's step."""
    conv = RHGNNConv(METADATA, channels=channels, heads=4, relation_in=STATE, relation_out=STATE)
    plan = sampled_plan(2_000, 2_000, edges)
    leaves = [torch.randn(2_000, channels, requires_grad=True) for _ in METADATA[0]]
    state = torch.randn(len(METADATA[1]), STATE)
    parts = [CopiedRows(leaf) for leaf in leaves]
    forth_and_back(
        lambda plan: conv.forward_plan(parts, state, plan, per_slot=False)[0], plan, leaves
    )
    print(round(peak_mb() * 2**20))


def main() -> None:
    """Print all three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--peak", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.peak:
        peak(*args.peak)
        return
    steps_on_driver_dnf(args.data, args.dropout, args.batches)
    layer_against_loop(args.repeat)
    peak_per_edge()


if __name__ == "__main__":
    main()
