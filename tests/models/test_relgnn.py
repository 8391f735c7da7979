"""RelGNN's routes, counted by hand, and its layers against a loop over routes and nodes."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor

from hgl.errors import ConfigError, SchemaError
from hgl.models.relgnn import AtomicRoute, RelGNN, atomic_routes
from hgl.nn.route_conv import RouteAttention
from hgl.ops import RelationPlan
from hgl.typing import EdgeType, reverse_of
from tests.models.test_networks import jittered

CHANNELS, HEADS = 6, 2
KEYS: list[EdgeType] = [
    ("fact", "f2p_p", "dim"),
    ("fact", "f2p_q", "dim"),  # two keys to one table
    ("fact", "f2p_r", "hub"),
    ("hub", "f2p_boss", "hub"),  # into the table itself
    ("hub", "f2p_up", "dim"),
    ("leaf", "f2p_fact", "fact"),
    ("leaf", "f2p_none", "dim"),  # no row has it
]
EDGE_TYPES = sorted([*KEYS, *map(reverse_of, KEYS)])
METADATA = ["dim", "fact", "hub", "leaf", "lonely"], EDGE_TYPES
NUM_NODES = {"dim": 4, "fact": 9, "hub": 5, "leaf": 7, "lonely": 2}


def graph(seed: int = 0) -> tuple[dict[str, Tensor], dict[EdgeType, Tensor]]:
    """Each row has at most one parent per key; the last row of each table has neither end."""
    generator = torch.Generator().manual_seed(seed)
    edges: dict[EdgeType, Tensor] = {}
    for key in KEYS:
        rows = torch.arange(NUM_NODES[key[0]] - 1)
        parents = torch.randint(-1, NUM_NODES[key[2]] - 1, (len(rows),), generator=generator)
        if key[1] == "f2p_none":
            parents.fill_(-1)
        edges[key] = torch.stack([rows, parents])[:, parents >= 0]
        edges[reverse_of(key)] = edges[key].flip(0)
    x_dict = {
        t: torch.randn(n, CHANNELS, generator=generator, dtype=torch.float64)
        for t, n in NUM_NODES.items()
    }
    return x_dict, edges


def model(layers: int = 1) -> RelGNN:
    return jittered(RelGNN(METADATA, channels=CHANNELS, heads=HEADS, num_layers=layers))


def attended(attend: RouteAttention, own: Tensor, messages: list[Tensor]) -> Tensor:
    width = CHANNELS // HEADS
    query, skip = attend.query_skip(own).split(CHANNELS)
    pooled = torch.zeros(HEADS, width, dtype=own.dtype)
    if messages:
        sent = [attend.key_value(m).split(CHANNELS) for m in messages]
        keys, values = (torch.stack([s[i].view(HEADS, width) for s in sent]) for i in (0, 1))
        share = ((keys * query.view(HEADS, width)).sum(2) / width**0.5).softmax(0)
        pooled = (share.unsqueeze(2) * values).sum(0)
    return attend.out(pooled.flatten() + skip)


def loop(net: RelGNN, x_dict: dict, edges: dict) -> dict[str, Tensor]:
    for conv, norms in zip(net.convs, net.norms, strict=True):
        total = {t: [torch.zeros(CHANNELS).double()] * n for t, n in NUM_NODES.items()}
        total["lonely"] = [*x_dict["lonely"]]
        for route, fuse, attend in zip(conv.routes, conv.fuse, conv.attend, strict=True):
            source, _, target = route.last
            message = [*x_dict[source]]
            if route.first:
                for fact in range(NUM_NODES[source]):
                    begin, end = edges[route.first]
                    told = x_dict[route.first[0]][begin[end == fact]].sum(0)
                    message[fact] = fuse.root(message[fact]) + fuse.neighbour(told)
                    total[source][fact] = total[source][fact] + message[fact]
            begin, end = edges[route.last]
            for node in range(NUM_NODES[target]):
                senders = [message[u] for u in begin[end == node]]
                received = attended(attend, x_dict[target][node], senders)
                total[target][node] = total[target][node] + received
        x_dict = {
            t: norm(torch.stack(total[t])).relu()
            for norm, t in zip(norms, METADATA[0], strict=True)
        }
    return x_dict


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layers", [1, 2])
def test_equals_the_loop(seed: int, layers: int):
    net = model(layers)
    x_dict, edges = graph(seed)
    out, expected = net(x_dict, edges), loop(net, x_dict, edges)
    assert list(out) == sorted(NUM_NODES)
    for node_type in NUM_NODES:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_gradients_equal_the_loops_and_reach_every_parameter():
    net = model()
    x_dict, edges = graph(1)
    # Rows for the key that nobody uses, so that all of its weights act.
    edges["leaf", "f2p_none", "dim"] = torch.tensor([[0, 1, 1], [0, 0, 2]])
    edges["dim", "rev_f2p_none", "leaf"] = edges["leaf", "f2p_none", "dim"].flip(0)
    leaves = [x.requires_grad_() for x in x_dict.values()] + list(net.parameters())
    found = [
        torch.autograd.grad(
            sum(x.square().sum() for x in run(x_dict, edges).values()), leaves, allow_unused=True
        )
        for run in (net, lambda x, e: loop(net, x, e))
    ]
    for fast, slow in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-11)
        assert fast.abs().sum() > 0


def test_routes_of_a_schema():
    routes = atomic_routes(KEYS[::-1])
    fact = KEYS[:3]
    bridged = [AtomicRoute(q, reverse_of(v)) for q, v in permutations(fact, 2)]
    leaf = [AtomicRoute(q, reverse_of(v)) for q, v in permutations(KEYS[5:], 2)]
    direct = [AtomicRoute(e) for key in KEYS[3:5] for e in (key, reverse_of(key))]
    assert set(routes) == {*bridged, *leaf, *direct}
    assert len(routes) == 3 * 2 + 2 * 1 + 2 * 2


def test_the_last_table_hears_of_another_only_through_the_bridge():
    """What a dimension tells another passes the fact that joins them, in one layer."""
    keys = [("fact", "f2p_p", "dim"), ("fact", "f2p_r", "hub")]
    edge_types = [*keys, *map(reverse_of, keys)]
    torch.manual_seed(0)
    net = RelGNN((["dim", "fact", "hub"], edge_types), channels=4, heads=2).double()
    x_dict = {t: torch.randn(2, 4, dtype=torch.float64) for t in net.node_types}
    edges = {e: torch.tensor([[0], [0]]) for e in edge_types}
    changed = net(x_dict | {"hub": x_dict["hub"] + 1}, edges)["dim"]
    moved = (changed - net(x_dict, edges)["dim"]).abs().sum(1)
    assert moved[0] > 0
    assert moved[1] == 0


def test_foreign_keys_of_any_graph():
    metadata = ["a", "b"], [("a", "writes", "b"), ("b", "rev_writes", "a")]
    x_dict = {t: torch.randn(2, 4) for t in metadata[0]}
    edges = {("a", "writes", "b"): torch.tensor([[0], [1]])}
    for stated in (None, [("b", "rev_writes", "a")], [["a", "writes", "b"]]):
        net = RelGNN(metadata, channels=4, heads=2, foreign_keys=stated)
        assert net(x_dict, edges)["b"].shape == (2, 4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SchemaError, match="metadata has no foreign key"):
        RelGNN((["a"], []), channels=4)
    for stated in ([], [KEYS[0]], [*KEYS, reverse_of(KEYS[0])], [*KEYS, ("x", "y", "z")], ["abc"]):
        with pytest.raises(SchemaError, match=r"^foreign_keys=\[.*one edge type of each pair"):
            RelGNN(METADATA, channels=4, foreign_keys=stated)
    net = RelGNN(METADATA, channels=CHANNELS, heads=HEADS)
    x_dict, edges = graph()
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    expected = r"^num_layers=1: expected 1.5, the hops of num_neighbors, 2 to a layer"
    with pytest.raises(ConfigError, match=expected):
        net.forward_plans(x_dict, [plan] * 3)
