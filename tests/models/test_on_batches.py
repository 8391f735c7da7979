"""A network on a sampled batch with full fan-out equals itself on the whole graph."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from hgl.graph.batch import make_batch
from hgl.graph.sampler import TemporalSampler
from hgl.models.latte import LATTE
from hgl.models.latte2go import LATTE2GO
from hgl.models.relational import batch_plans
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from tests.graph.worlds import random_world

CHANNELS = 6
# With the hops that a seed's neighbourhood takes.
NETWORKS = {
    "sage": (HeteroGraphSAGE, 2),
    "rhgnn": (functools.partial(RHGNN, heads=2, relation_channels=2), 2),
    "rhgnn with norm": (functools.partial(RHGNN, heads=3, relation_channels=2, norm=True), 2),
    "latte of one layer": (functools.partial(LATTE, num_layers=1), 1),
    "latte": (LATTE, 3),
    "latte with norm, all edges": (functools.partial(LATTE, theta=0.0, norm=True), 3),
    "latte of three layers": (functools.partial(LATTE, num_layers=3, heads=3), 6),
    "latte2go": (functools.partial(LATTE2GO, heads=2), 3),
    "latte2go of three layers": (functools.partial(LATTE2GO, num_layers=3, heads=2), 5),
}


@pytest.mark.parametrize(("network", "hops"), NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("number", range(12))
def test_seeds_get_what_the_whole_graph_gives_them(
    number: int, network: functools.partial, hops: int
):
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
    sample = TemporalSampler(graph, [-1] * hops).sample(entity, rows, time)
    batch = make_batch(sample, graph, time)
    copies = {t: x_dict[t][batch[t].n_id] for t in graph.node_types}
    out = net.forward_plans(copies, batch_plans(batch, graph.edge_types))[entity]
    torch.testing.assert_close(out[: len(rows)], whole, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("network", "hops"),
    [
        (LATTE, 2),
        (LATTE, 3),
        (functools.partial(LATTE, num_layers=3, heads=3), 3),
        (functools.partial(LATTE, num_layers=3, heads=3), 4),
        (functools.partial(LATTE2GO, num_layers=3, heads=2), 4),
    ],
)
@pytest.mark.parametrize("number", range(12))
def test_a_batch_of_few_hops_is_a_graph_of_its_own(
    number: int, network: functools.partial, hops: int
):
    """Whatever is left out for the seeds' sake, they get what the sampled graph gives them."""
    world = random_world(number)
    world = dataclasses.replace(world, times=dict.fromkeys(world.times))
    graph = world.graph()
    entity = max(world.sizes, key=lambda t: (world.sizes[t], t))
    torch.manual_seed(number)
    net = network(graph.metadata(), channels=CHANNELS).double()
    rows = torch.arange(world.sizes[entity])
    time = torch.zeros(len(rows), dtype=torch.int64)
    sample = TemporalSampler(graph, [2] * hops).sample(entity, rows, time)
    batch = make_batch(sample, graph, time)
    x_dict = {
        t: torch.randn(batch[t].num_nodes, CHANNELS, dtype=torch.float64) for t in graph.node_types
    }
    whole = net(x_dict, {e: batch[e].edge_index for e in graph.edge_types})[entity]
    out = net.forward_plans(x_dict, batch_plans(batch, graph.edge_types))[entity]
    torch.testing.assert_close(out[: len(rows)], whole[: len(rows)], rtol=0, atol=1e-11)
