"""A network on a sampled batch with full fan-out equals itself on the whole graph."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from hgl.graph.batch import make_batch
from hgl.graph.sampler import TemporalSampler
from hgl.models.relational import batch_plans
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.ops import CopiedRows, Copies, Transpose
from tests.graph.worlds import random_world

CHANNELS = 6
NETWORKS = {
    "sage": HeteroGraphSAGE,
    "rhgnn": functools.partial(RHGNN, heads=2, relation_channels=2),
    "rhgnn with norm": functools.partial(RHGNN, heads=3, relation_channels=2, norm=True),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("number", range(12))
def test_seeds_get_what_the_whole_graph_gives_them(number: int, network: functools.partial):
    world = random_world(number)
    world = dataclasses.replace(world, times=dict.fromkeys(world.times))
    graph = world.graph()
    entity = max(world.sizes, key=lambda t: (world.sizes[t], t))
    torch.manual_seed(number)
    net = network(graph.metadata(), channels=CHANNELS).double()
    x_dict = {t: torch.randn(n, CHANNELS, dtype=torch.float64) for t, n in graph.num_nodes.items()}
    edges = {
        e: torch.stack(
            [r.row.long(), torch.arange(len(r.colptr) - 1).repeat_interleave(r.colptr.diff())]
        )
        for e, r in graph.relations.items()
    }
    whole = net(x_dict, edges)[entity]
    rows = torch.arange(world.sizes[entity])
    time = torch.zeros(len(rows), dtype=torch.int64)
    sample = TemporalSampler(graph, [-1, -1]).sample(entity, rows, time)
    batch = make_batch(sample, graph, time)
    copies = {t: x_dict[t][batch[t].n_id] for t in graph.node_types}
    out = net.forward_plans(copies, batch_plans(batch, graph.edge_types))[entity]
    torch.testing.assert_close(out[: len(rows)], whole, rtol=0, atol=1e-11)


@pytest.mark.parametrize("number", range(6))
def test_distinct_rows_give_what_their_copies_give(number: int):
    world = random_world(number)
    world = dataclasses.replace(world, times=dict.fromkeys(world.times))
    graph = world.graph()
    entity = max(world.sizes, key=lambda t: (world.sizes[t], t))
    torch.manual_seed(number)
    net = RHGNN(graph.metadata(), channels=CHANNELS, heads=2, relation_channels=2).double()
    seeds = torch.arange(world.sizes[entity]).repeat(3)
    time = torch.zeros_like(seeds)
    batch = make_batch(TemporalSampler(graph, [3, 2]).sample(entity, seeds, time), graph, time)
    copied = {}
    for node_type in graph.node_types:
        store = batch[node_type]
        basis = torch.randn(store.num_nodes, 2, dtype=torch.float64)
        rows = torch.randn(store.rows.numel(), CHANNELS, dtype=torch.float64)
        copies = Copies(store.row_index, Transpose(store.row_ptr, store.row_perm), basis)
        curve = torch.randn(2, CHANNELS, dtype=torch.float64)
        copied[node_type] = CopiedRows(rows, copies, curve)
    plans = batch_plans(batch, graph.edge_types)
    dense = {t: part.dense() for t, part in copied.items()}
    out, expected = net.forward_copies(copied, plans), net.forward_plans(dense, plans)
    for node_type in graph.node_types:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-11)
