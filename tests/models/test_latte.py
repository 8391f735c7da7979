"""LATTE against a loop over nodes and meta-relations, its sizes, and odd graphs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from hgl.errors import ConfigError, SchemaError
from hgl.models.latte import LATTE
from hgl.nn.latte_conv import LATTEConv
from hgl.ops import MetaPath, MetaPaths, RelationPlan, schema_walks
from hgl.typing import EdgeType, Metadata

EDGE_TYPES: list[EdgeType] = [
    ("a", "x", "b"),
    ("a", "w", "b"),
    ("b", "y", "a"),
    ("b", "z", "b"),
    ("c", "x", "b"),
    ("b", "x", "c"),
    ("none", "x", "a"),
]
METADATA: Metadata = (["a", "b", "c", "lonely", "none"], EDGE_TYPES)
NUM_NODES = {"a": 5, "b": 4, "c": 3, "lonely": 2, "none": 0}
CHANNELS, HEADS = 6, 2
ACM: Metadata = (
    ["author", "paper", "subject"],
    [
        ("author", "writes", "paper"),
        ("paper", "rev_writes", "author"),
        ("paper", "about", "subject"),
        ("subject", "rev_about", "paper"),
    ],
)
Graph = tuple[dict[str, Tensor], dict[EdgeType, Tensor]]


def graph(seed: int = 0, count: int = 7) -> Graph:
    """Duplicate edges, an empty relation, an empty type; the last node of a type is isolated."""
    generator = torch.Generator().manual_seed(seed)
    edges: dict[EdgeType, Tensor] = {}
    for edge_type in EDGE_TYPES:
        sizes = NUM_NODES[edge_type[0]], NUM_NODES[edge_type[2]]
        empty = edge_type[1] == "w" or 0 in sizes
        ends = [torch.randint(max(n - 1, 1), (count,), generator=generator) for n in sizes]
        edges[edge_type] = torch.stack(ends)[:, : 0 if empty else count]
    x_dict = {
        t: torch.randn(n, CHANNELS, generator=generator, dtype=torch.float64)
        for t, n in NUM_NODES.items()
    }
    return x_dict, edges


def model(metadata: Metadata = METADATA, **options: object) -> LATTE:
    torch.manual_seed(0)
    net = LATTE(metadata, channels=CHANNELS, heads=HEADS, **options).double()
    for conv in net.convs:  # so that a wrong sign or order of gamma shows
        torch.nn.init.normal_(conv.sharpness)
    return net


Edges = dict[MetaPath, list[tuple[int, int]]]


def loop_layer(conv: LATTEConv, h: dict[str, Tensor], edges: Edges) -> tuple[dict, dict]:
    """One layer from the equations, node by node; also the attention of each edge."""
    types = conv.paths.node_types
    own = {t: f(h[t]).view(-1, HEADS, 3) for t, f in zip(types, conv.own)}
    sent = {t: f(h[t]).view(-1, HEADS, 3) for t, f in zip(types, conv.neighbour)}
    out, alpha = {}, {path: {} for path in edges}
    for t, choice in zip(types, conv.choice):
        beta = choice(h[t]).softmax(1)
        rows = []
        for v in range(len(h[t])):
            row = beta[v, -1] * own[t][v]
            for column, i in enumerate(conv.paths.receiving[t]):
                path = conv.paths.paths[i]
                senders = [u for u, w in edges[path] if w == v]
                if not senders:
                    continue
                left = (conv.attention_own[i] * own[t][v]).sum(1)
                right = [
                    (conv.attention_neighbour[i] * sent[path[0][0]][u]).sum(1) for u in senders
                ]
                score = torch.stack([leaky_relu(left + r, 0.2) for r in right])
                weight = (conv.sharpness[i] * score).softmax(0)
                z = sum(w[:, None] * sent[path[0][0]][u] for w, u in zip(weight, senders))
                row = row + beta[v, column] * z
                for w, u in zip(weight, senders):
                    alpha[path].setdefault((u, v), []).append(float(w.detach().max()))
            rows.append(row.flatten().relu())
        out[t] = torch.stack(rows) if rows else h[t][:, :CHANNELS]
    return out, alpha


def loop_next(alpha: dict, edges: Edges, first: Edges, theta: float) -> Edges:
    """Compose, by a loop over pairs of edges, those attended to with the relations."""
    found: Edges = {}
    for path, weights in alpha.items():
        best: dict[int, float] = {}
        for (_, v), values in weights.items():
            best[v] = max(best.get(v, 0.0), *values)
        for (relation,), steps in first.items():
            if relation[2] == path[0][0]:
                found[(relation, *path)] = sorted(
                    {
                        (u, v)
                        for (w, v), values in weights.items()
                        if max(values) >= min(theta, best[v]) - 1e-9
                        for u, between in steps
                        if between == w
                    }
                )
    return found


def loop(net: LATTE, x_dict: dict, edges: dict, theta: float) -> dict[str, Tensor]:
    first: Edges = {(e,): list(zip(*ends.tolist())) for e, ends in edges.items()}
    h, reached, layers = x_dict, first, []
    for conv in net.convs:
        h, alpha = loop_layer(conv, h, reached)
        layers.append(h)
        reached = loop_next(alpha, reached, first, theta)
    stacked = {t: torch.cat([layer[t] for layer in layers], 1) for t in x_dict}
    return {t: net.output(x) for t, x in stacked.items()}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("layers", "theta"), [(1, 0.5), (2, 0.5), (3, 0.5), (3, 0.0), (2, 1.0)])
def test_equals_the_loop(seed: int, layers: int, theta: float):
    net = model(num_layers=layers, theta=theta)
    x_dict, edges = graph(seed)
    out, expected = net(x_dict, edges), loop(net, x_dict, edges, theta)
    assert list(out) == sorted(NUM_NODES)
    for node_type, n in NUM_NODES.items():
        assert out[node_type].shape == (n, CHANNELS)
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_gradients_equal_the_loops():
    net = model()
    x_dict, edges = graph(1)
    leaves = [x.requires_grad_() for x in x_dict.values()] + list(net.parameters())
    found = [
        torch.autograd.grad(
            sum(x.square().sum() for x in run(x_dict, edges).values()), leaves, allow_unused=True
        )
        for run in (net, lambda x, e: loop(net, x, e, 0.5))
    ]
    for leaf, fast, slow in zip(leaves, *found, strict=True):
        fast, slow = (torch.zeros_like(leaf) if x is None else x for x in (fast, slow))
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("order", "count"), [(1, 101_003), (2, 101_775)])
def test_the_published_size(order: int, count: int):
    paths = MetaPaths(ACM[0], schema_walks(ACM[1], order)[-1])
    conv = LATTEConv(paths, channels=128, heads=2)
    assert sum(p.numel() for p in conv.parameters()) == count


def test_order_of_dicts_nodes_and_edges_changes_nothing():
    net = model(num_layers=3)
    x_dict, edges = graph(2)
    expected = net(x_dict, edges)
    shuffled = {
        e: ends[:, torch.randperm(ends.shape[1], generator=torch.Generator().manual_seed(3))]
        for e, ends in reversed(edges.items())
    }
    out = net(dict(reversed(x_dict.items())), shuffled)
    order = torch.tensor([3, 0, 2, 1])
    place = order.argsort()
    turned = {
        e: torch.stack([place[i] if t == "b" else i for i, t in zip(ends, (e[0], e[2]))])
        for e, ends in edges.items()
    }
    moved = net(x_dict | {"b": x_dict["b"][order]}, turned)
    for node_type in NUM_NODES:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)
    torch.testing.assert_close(moved["b"], expected["b"][order], rtol=0, atol=1e-12)
    torch.testing.assert_close(moved["a"], expected["a"], rtol=0, atol=1e-12)


def test_order_of_the_metadata_changes_nothing():
    x_dict, edges = graph()
    turned = model((METADATA[0][::-1], METADATA[1][::-1]))
    for node_type, x in model()(x_dict, edges).items():
        assert torch.equal(x, turned(x_dict, edges)[node_type])


def test_a_type_that_nothing_leads_to_keeps_itself():
    net = model(merge="last", num_layers=1)
    x_dict, edges = graph()
    lonely = net.node_types.index("lonely")
    torch.testing.assert_close(
        net(x_dict, edges)["lonely"], net.convs[0].own[lonely](x_dict["lonely"]).relu()
    )


@pytest.mark.parametrize("renormalise", [False, True])
def test_attention_is_a_choice(renormalise: bool):
    net = model(num_layers=2, renormalise=renormalise)
    x_dict, edges = graph()
    for order, layer in enumerate(net.attention(x_dict, edges), 1):
        assert sum(len(paths) for paths in layer.columns.values()) == len(layer.alpha)
        for node_type, beta in layer.beta.items():
            assert beta.shape == (NUM_NODES[node_type], len(layer.columns[node_type]) + 1)
            torch.testing.assert_close(beta.sum(1), beta.new_ones(len(beta)))
            for column, path in enumerate(layer.columns[node_type]):
                part = layer.alpha[path]
                assert len(path) == order
                assert layer.num_edges[path] == part.alpha.shape[0]
                total = beta.new_zeros(len(beta), HEADS).index_add_(
                    0, part.edge_index[1], part.alpha
                )
                reached = torch.bincount(part.edge_index[1], minlength=len(beta)) > 0
                torch.testing.assert_close(total, reached.double()[:, None].expand(-1, HEADS))
                assert (beta[~reached, column] == 0).all() == (renormalise or reached.all())
    plain = model(num_layers=1).attention(x_dict, edges)[0]
    pairs = plain.alpha[(("a", "x", "b"),)].edge_index
    assert sorted(pairs.T.tolist()) == sorted(edges["a", "x", "b"].T.tolist())


@pytest.mark.parametrize("merge", ["last", "mean", "max"])
def test_layers_merge(merge: str):
    x_dict, edges = graph()
    net = model(merge=merge)
    h1, _ = loop_layer(net.convs[0], x_dict, {(e,): [*zip(*i.tolist())] for e, i in edges.items()})
    h2 = model(merge="last")(x_dict, edges)["b"]
    both = torch.stack([h1["b"], h2])
    expected = {"last": h2, "mean": both.mean(0), "max": both.amax(0)}[merge]
    torch.testing.assert_close(net(x_dict, edges)["b"], expected, rtol=0, atol=1e-12)


def test_features_of_any_width_and_types_without_any():
    _, edges = graph()
    widths = {"a": 3, "b": 2, "none": 1, "lonely": 4}
    net = LATTE(METADATA, channels=8, norm=True, in_channels=widths, embeddings={"c": 3})
    inputs = {t: torch.randn(NUM_NODES[t], n) for t, n in widths.items()} | {"c": torch.arange(3)}
    out = net(inputs, edges)
    sum(x.sum() for x in out.values()).backward()
    assert all(x.shape == (NUM_NODES[t], 8) for t, x in out.items())
    assert all(p.grad is not None for p in net.parameters())
    with pytest.raises(SchemaError, match="'c' is in neither in_channels"):
        LATTE(METADATA, channels=8, in_channels=widths)


def test_what_does_not_fit_is_refused():
    x_dict, edges = graph()
    with pytest.raises(ConfigError, match="channels=5: expected a multiple of heads=2"):
        LATTE(METADATA, channels=5, heads=2)
    with pytest.raises(ConfigError, match="theta=2"):
        LATTE(METADATA, channels=4, theta=2.0)
    with pytest.raises(ConfigError, match="merge='sum'"):
        LATTE(METADATA, channels=4, merge="sum")
    with pytest.raises(ConfigError, match="omega='two'"):
        LATTE(METADATA, channels=4, omega="two")
    with pytest.raises(SchemaError, match="unseen"):
        model()(x_dict, edges | {("a", "unseen", "b"): torch.zeros(2, 1).long()})
    with pytest.raises(SchemaError, match=r"x_dict has .* expected .*'c'"):
        model()({t: x for t, x in x_dict.items() if t != "c"}, edges)
    with pytest.raises(ConfigError, match=r"max_products=10: .* order 2 has \d+ terms"):
        model(max_products=10)(x_dict, edges)
    plan = RelationPlan.from_edges(edges, NUM_NODES, sorted(EDGE_TYPES))
    for hops in (1, 4):
        with pytest.raises(ConfigError, match=f"num_neighbors has {hops} hops: expected 2 to 3"):
            model().forward_plans(x_dict, [plan] * hops)


def test_training_minimises_the_proximity_loss_too():
    x_dict, edges = graph()
    found = []
    for weight in (0.0, 1.0, 3.0):
        net = model(proximity=weight)
        torch.manual_seed(7)  # of the pairs drawn
        out = net(x_dict, edges)
        found.append((out["b"], torch.autograd.grad(out["b"].sum(), net.convs[0].sharpness)[0]))
    (plain, without), (_, once), (attached, thrice) = found
    assert torch.equal(plain, attached)
    assert not torch.allclose(without, once)
    torch.testing.assert_close(thrice - without, 3 * (once - without))


def test_a_schema_without_longer_walks_is_no_trouble():
    net = LATTE((["a", "b"], [("a", "x", "b")]), channels=4, num_layers=3)
    x_dict = {"a": torch.randn(3, 4), "b": torch.randn(2, 4)}
    out = net(x_dict, {("a", "x", "b"): torch.tensor([[0, 2], [1, 1]])})
    assert out["b"].shape == (2, 4)
    alone = LATTE((["a"], []), channels=4)
    assert alone({"a": x_dict["a"]}, {})["a"].shape == (3, 4)


def test_sampled_edges_differ_in_training_alone():
    x_dict, edges = graph(count=5)
    net = model(edge_sampling=True, theta=0.0)
    outs = [net(x_dict, edges)["b"] for _ in range(8)]
    assert any(not torch.equal(outs[0], out) for out in outs)
    net.eval()
    assert torch.equal(net(x_dict, edges)["b"], net(x_dict, edges)["b"])
    sizes = [sum(net.attention(x_dict, edges)[1].num_edges.values()) for _ in range(2)]
    whole = sum(model(theta=0.0).eval().attention(x_dict, edges)[1].num_edges.values())
    assert sizes[0] == sizes[1] < whole
