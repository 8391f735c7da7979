"""A network on a sampled batch with full fan-out equals itself on the whole graph."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import pytest
import torch
from torch import nn

from hgl.graph.batch import make_batch
from hgl.graph.relations import Relation
from hgl.graph.sampler import TemporalSampler
from hgl.graph.spec import NullKeys
from hgl.graph.temporal_graph import TemporalGraph
from hgl.models.han import HAN
from hgl.models.hgt import HGT
from hgl.models.latte import LATTE
from hgl.models.latte2go import LATTE2GO
from hgl.models.pyg import PyGNetwork, hetero_sage
from hgl.models.relational import batch_plans
from hgl.models.relgnn import RelGNN
from hgl.models.rgcn import RGCN
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.models.simple_hgn import SimpleHGN
from hgl.ops import CopiedRows, Copies, Transpose
from hgl.typing import reverse_of
from tests.graph.test_row_edges import random_joined
from tests.graph.worlds import random_world
from tests.models.test_networks import pyg_hgt

CHANNELS = 6
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
    "rgcn": (functools.partial(RGCN, num_bases=2), 2),
    "hgt": (functools.partial(HGT, heads=2), 2),
    # Its weights of relations are means over nodes: these are the same over one hop only.
    "han": (functools.partial(HAN, heads=2, num_layers=1), 1),
    "simplehgn": (functools.partial(SimpleHGN, heads=2), 2),
    "simplehgn, 3 layers": (functools.partial(SimpleHGN, heads=2, num_layers=3, carried=0.5), 3),
    "relgnn": (functools.partial(RelGNN, heads=2), 2),
    "relgnn, 2 layers": (functools.partial(RelGNN, heads=2, num_layers=2), 4),
    "PyG's SAGE": (functools.partial(PyGNetwork, conv=hetero_sage), 2),
    "PyG's HGT": (functools.partial(PyGNetwork, conv=pyg_hgt), 2),
}
"""Each with the hops that it asks for."""


@pytest.mark.parametrize(("network", "hops"), NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("number", range(12))
def test_seeds_get_what_the_whole_graph_gives_them(
    number: int, network: Callable[..., nn.Module], hops: int
):
    world = random_world(number)
    # A graph without foreign keys is no graph to RelGNN, which says so.
    while getattr(network, "func", None) is RelGNN and not world.fkeys:
        number += 100
        world = random_world(number)
    world = dataclasses.replace(world, times=dict.fromkeys(world.times))
    graph = world.graph()
    entity = max(world.sizes, key=lambda t: (world.sizes[t], t))
    torch.manual_seed(number)
    net = network(graph.metadata(), channels=CHANNELS).double()
    x_dict = {t: torch.randn(n, CHANNELS, dtype=torch.float64) for t, n in graph.num_nodes.items()}
    edges = {e: torch.stack([r.row.long(), targets_of(r)]) for e, r in graph.relations.items()}
    whole = net(x_dict, edges)[entity]
    check_seeds(net, graph, x_dict, whole, entity, hops)


@pytest.mark.parametrize(("network", "hops"), NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("null_keys", ["drop", "sink"])
@pytest.mark.parametrize("number", range(4))
def test_rows_drawn_as_edges_are_read(
    number: int, null_keys: NullKeys, network: Callable[..., nn.Module], hops: int
) -> None:
    """A row that is an edge is a neighbour of the edge's target, too, and leads no further."""
    world = random_joined(number)
    world = dataclasses.replace(
        world,
        times=dict.fromkeys(world.times),
        joins=[(*join[:3], None) for join in world.joins],
    )
    graph = world.graph(null_keys=null_keys)
    entity = max(world.sizes, key=lambda t: (world.sizes[t], t))
    torch.manual_seed(number)
    net = network(graph.metadata(), channels=CHANNELS).double()
    x_dict = {t: torch.randn(n, CHANNELS, dtype=torch.float64) for t, n in graph.num_nodes.items()}
    edges = {
        e: torch.stack([relation.row.long(), targets_of(relation)])
        for e, relation in graph.relations.items()
    }
    for edge_type, row_type in graph.row_types.items():
        relation = graph.relations[edge_type]
        edges[row_type] = torch.stack([relation.edge_row, targets_of(relation)])
        edges[reverse_of(row_type)] = torch.zeros(2, 0, dtype=torch.int64)
    whole = net(x_dict, edges)[entity]
    check_seeds(net, graph, x_dict, whole, entity, hops)


def check_seeds(
    net: nn.Module,
    graph: TemporalGraph,
    x_dict: dict[str, torch.Tensor],
    whole: torch.Tensor,
    entity: str,
    hops: int,
) -> None:
    """Check that every row of a table, sampled with all its neighbours, gets its `whole` vector."""
    rows = torch.arange(graph.num_nodes[entity])
    time = torch.zeros(len(rows), dtype=torch.int64)
    sample = TemporalSampler(graph, [-1] * hops).sample(entity, rows, time)
    batch = make_batch(sample, graph, time)
    copies = {t: x_dict[t][batch[t].n_id] for t in graph.node_types}
    out = net.forward_plans(copies, batch_plans(batch, graph.edge_types))[entity]
    torch.testing.assert_close(out[: len(rows)], whole, rtol=0, atol=1e-11)


def targets_of(relation: Relation) -> torch.Tensor:
    return torch.arange(len(relation.colptr) - 1).repeat_interleave(relation.colptr.diff())


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
