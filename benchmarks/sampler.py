"""Sampling the neighbourhoods of 512 rel-f1 driver-dnf seeds at [128, 64], then the whole batch.

    python benchmarks/sampler.py --data ../shared/data/rel-f1

The same training seeds for every line; compilation and warm-up aside; median of --repeat calls,
single calls on one thread and on two taking turns, so that a noisy machine disturbs both alike. A
batch has distinct rows, copies, relative times, pointers, transposes and gathered columns.
Aggregates are those of the latest 1, 5, 20 and 100 rows of every table that refers to a driver.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

import hgl
from hgl.graph.aggregates import SeedAggregates
from hgl.graph.batch import make_batch
from hgl.graph.draws import random_keys
from hgl.graph.sampler import TemporalSampler

NUM_NEIGHBORS, BATCH_SIZE, LASTS = [128, 64], 512, [1, 5, 20, 100]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rel-f1"))
    parser.add_argument("--repeat", type=int, default=200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    db = hgl.Database.open(args.data)
    graph = hgl.build_graph(db)
    seeds = hgl.Task.load(args.data / "tasks" / "driver-dnf").seeds(db, "train")
    picked = torch.randperm(len(seeds.entity), generator=torch.manual_seed(0))[:BATCH_SIZE]
    rows, limits = torch.from_numpy(seeds.entity)[picked], torch.from_numpy(seeds.time)[picked]
    features = graph.features_for(seeds.stats_until)
    keys = random_keys(0, 0, picked)
    aggregates = SeedAggregates(graph, "drivers", features, LASTS)

    def sampling(threads: int) -> Callable[[], Any]:
        sampler = TemporalSampler(graph, NUM_NEIGHBORS, threads=threads)
        return lambda: sampler.sample("drivers", rows, limits, keys=keys)

    one = sampling(1)
    calls = {
        "sampler, one thread": one,
        "sampler, two threads": sampling(2),
        "whole batch": lambda: make_batch(one(), graph, limits, features),
        f"{aggregates.width} aggregates": lambda: aggregates(rows, limits, limits),
    }
    sample = one()
    distinct = sum(store.rows.numel() for store in calls["whole batch"]().node_stores)
    print(
        f"{sample.src.numel():,} edges, {sample.row.numel():,} copies, {distinct:,} distinct rows"
    )
    seconds = timed(calls, args.repeat)
    for name, value in seconds.items():
        print(f"{name:22} {value * 1e3:7.2f} ms")
    gain = seconds["sampler, one thread"] / seconds["sampler, two threads"]
    print(f"two threads are {gain:.2f}x as fast as one")


def timed(calls: Mapping[str, Callable[[], Any]], repeat: int) -> dict[str, float]:
    """Median seconds of each call; the calls take turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeat + 3):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            if turn >= 3:
                found[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in found.items()}


if __name__ == "__main__":
    main()
