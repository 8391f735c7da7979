"""R-HGNN against a loop over nodes and relations, the published size, and odd graphs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from hgl.errors import ConfigError, SchemaError
from hgl.models.rhgnn import RHGNN
from hgl.nn.rhgnn_conv import RHGNNConv
from hgl.typing import EdgeType, Metadata, reverse_of

FORTH = [("a", "x", "b"), ("b", "y", "a"), ("b", "z", "b"), ("c", "x", "b"), ("a", "w", "b")]
EDGE_TYPES = sorted([*FORTH, *map(reverse_of, FORTH)])
METADATA: Metadata = (["a", "b", "c", "lonely"], EDGE_TYPES)
NUM_NODES = {"a": 5, "b": 4, "c": 3, "lonely": 2}
CHANNELS, HEADS = 6, 2


def graph(seed: int = 0, count: int = 9) -> tuple[dict[str, Tensor], dict[EdgeType, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    edges: dict[EdgeType, Tensor] = {}
    for forth in FORTH:
        sizes = NUM_NODES[forth[0]], NUM_NODES[forth[2]]
        ends = torch.stack([torch.randint(n - 1, (count,), generator=generator) for n in sizes])
        # One relation is empty; elsewhere the last node of each type stays isolated.
        ends = ends[:, :0] if forth[1] == "w" else ends
        edges[forth], edges[reverse_of(forth)] = ends, ends.flip(0)
    x_dict = {
        t: torch.randn(n, CHANNELS, generator=generator, dtype=torch.float64)
        for t, n in NUM_NODES.items()
    }
    return x_dict, edges


def model(**options: object) -> RHGNN:
    torch.manual_seed(0)
    return RHGNN(METADATA, channels=CHANNELS, heads=HEADS, relation_channels=3, **options).double()


def loop_layer(
    conv: RHGNNConv, x: dict[tuple[EdgeType, int], Tensor], state: Tensor, edges: dict
) -> dict[tuple[EdgeType, int], Tensor]:
    """One layer from the equations, slot by slot; x maps (relation, node) to a vector."""
    place = {e: i for i, e in enumerate(conv.edge_types)}
    query = [(state[i] @ conv.attention[i]).view(2, HEADS, -1) for i in range(len(place))]

    def heads(edge_type: EdgeType, node: int) -> Tensor:
        return (x[edge_type, node] @ conv.project[conv.node_types.index(edge_type[2])]).view(
            HEADS, -1
        )

    z = {}
    for (edge_type, node), own in x.items():
        t, i = conv.node_types.index(edge_type[2]), place[edge_type]
        source, target = edges[edge_type]
        pooled = torch.zeros(HEADS, CHANNELS // HEADS, dtype=own.dtype)
        senders = [heads(reverse_of(edge_type), int(u)) for u in source[target == node]]
        if senders:
            receiver = (query[i][0] * heads(edge_type, node)).sum(1)
            score = torch.stack([receiver + (query[i][1] * h).sum(1) for h in senders])
            weight = leaky_relu(score, 0.2).softmax(0)
            pooled = sum(w.unsqueeze(1) * h for w, h in zip(weight, senders))
        gate = conv.gate[t].sigmoid()
        kept = own @ conv.residual[t] + conv.residual_bias[t]
        z[edge_type, node] = gate * pooled.relu().flatten() + (1 - gate) * kept
    out = {}
    for edge_type, node in x:
        t = conv.node_types.index(edge_type[2])
        mine = [e for e in conv.edge_types if e[2] == edge_type[2]]
        if len(mine) == 1:
            out[edge_type, node] = z[edge_type, node]
            continue
        vectors = torch.stack([z[e, node].view(HEADS, -1) for e in mine])
        score = leaky_relu((vectors * conv.cross[t].query[mine.index(edge_type)]).sum(2), 0.2)
        out[edge_type, node] = (score.softmax(0).unsqueeze(2) * vectors).sum(0).flatten()
    return out


def loop(net: RHGNN, x_dict: dict, edges: dict) -> dict[str, Tensor]:
    slots = {(e, n): x_dict[e[2]][n] for e in net.edge_types for n in range(NUM_NODES[e[2]])}
    state = net.relation
    for conv in net.convs:
        slots = loop_layer(conv, slots, state, edges)
        state = torch.einsum("rc,rco->ro", state, conv.relation) + conv.relation_bias
    out = {}
    for t, node_type in enumerate(net.node_types):
        mine = [e for e in net.convs[0].edge_types if e[2] == node_type]
        rows = []
        for node in range(NUM_NODES[node_type]):
            if len(mine) < 2:
                rows.append(slots[mine[0], node] if mine else x_dict[node_type][node])
                continue
            values, scores = [], []
            for r, e in enumerate(mine):
                vector = slots[e, node].view(HEADS, -1)
                value = torch.stack([vector[h] @ net.fuse[t].value[r, h] for h in range(HEADS)])
                own = state[net.convs[0].edge_types.index(e)].view(HEADS, -1)
                key = torch.stack([own[h] @ net.fuse[t].key[r, h] for h in range(HEADS)])
                values.append(value)
                scores.append(leaky_relu((value * key).sum(1), 0.2))
            weight = torch.stack(scores).softmax(0).unsqueeze(2)
            rows.append((weight * torch.stack(values)).sum(0).flatten())
        out[node_type] = torch.stack(rows)
    return out


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_equals_the_loop(seed: int, layers: int):
    net = model(num_layers=layers)
    x_dict, edges = graph(seed)
    out, expected = net(x_dict, edges), loop(net, x_dict, edges)
    assert list(out) == sorted(NUM_NODES)
    for node_type in NUM_NODES:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_gradients_equal_the_loops():
    net = model()
    x_dict, edges = graph(1)
    leaves = [x.requires_grad_() for x in x_dict.values()] + list(net.parameters())
    found = [
        torch.autograd.grad(
            sum(x.square().sum() for x in run(x_dict, edges).values()), leaves, allow_unused=True
        )
        for run in (net, lambda x, e: loop(net, x, e))
    ]
    for leaf, fast, slow in zip(leaves, *found, strict=True):
        fast, slow = (torch.zeros_like(leaf) if x is None else x for x in (fast, slow))
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-11)


def test_the_published_size():
    forth = [
        ("author", "affiliated_with", "institution"),
        ("author", "writes", "paper"),
        ("paper", "has_topic", "field_of_study"),
        ("paper", "cites", "paper"),
    ]
    types = ["author", "field_of_study", "institution", "paper"]
    metadata = types, sorted([*forth, *map(reverse_of, forth)])
    widths = dict.fromkeys(types, 128) | {"paper": 256}
    net = RHGNN(metadata, channels=512, heads=8, relation_channels=8, in_channels=widths)
    head = torch.nn.Linear(512, 349)
    counted = [p for p in (*net.parameters(), *head.parameters()) if p.requires_grad]
    assert sum(p.numel() for p in counted) == 5_638_053


def test_order_of_dicts_nodes_and_edges_changes_nothing():
    net = model()
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


@pytest.mark.parametrize("left_out", ["crossing", "fusing", "relation_states"])
def test_parts_can_be_left_out(left_out: str):
    x_dict, edges = graph()
    whole, without = model()(x_dict, edges), model(**{left_out: False})(x_dict, edges)
    assert all(x.isfinite().all() for x in without.values())
    assert not torch.allclose(whole["b"], without["b"])


def test_norm_normalises_each_slot():
    out = model(norm=True, num_layers=1, fusing=False)(*graph())
    assert out["b"].isfinite().all()
    torch.testing.assert_close(out["c"].mean(1), torch.zeros(3, dtype=torch.float64))


def test_what_does_not_fit_is_refused():
    with pytest.raises(SchemaError, match="no reverse"):
        RHGNN((["a", "b"], [("a", "x", "b")]), channels=4, heads=2)
    with pytest.raises(ConfigError, match="channels=5"):
        RHGNN(METADATA, channels=5, heads=2)
    x_dict, edges = graph()
    with pytest.raises(SchemaError, match="unseen"):
        model()(x_dict, edges | {("a", "unseen", "b"): torch.zeros(2, 1).long()})


def test_layers_of_ones_own_give_what_the_model_gives():
    net = model(num_layers=2)
    x_dict, edges = graph(4)
    vectors, state = net.convs[0](x_dict, edges, net.relation)
    vectors, state = net.convs[1](vectors, edges, state)
    expected = net(x_dict, edges)
    for fuse, node_type in zip(net.fuse, net.node_types, strict=True):
        if not len(vectors[node_type]):
            continue
        entering = [i for i, e in enumerate(net.convs[0].edge_types) if e[2] == node_type]
        out = fuse(vectors[node_type], state[entering])
        torch.testing.assert_close(out, expected[node_type], rtol=0, atol=1e-12)


def test_a_layer_names_what_does_not_fit():
    conv = model().convs[0]
    x_dict, edges = graph()
    state = torch.zeros(len(EDGE_TYPES), 3, dtype=torch.float64)
    with pytest.raises(ConfigError, match=r"relation has shape \[2, 3\], expected \[10, 3\]"):
        conv(x_dict, edges, state[:2])
    with pytest.raises(ConfigError, match=r"x_dict\['a'\] has shape \[5, 4\], expected \[5, 6\]"):
        conv(x_dict | {"a": x_dict["a"][:, :4]}, edges, state)
    with pytest.raises(ConfigError, match=r"x_dict\['b'\] has shape \[2, 4, 6\]"):
        conv(x_dict | {"b": x_dict["b"].expand(2, -1, -1)}, edges, state)
    with pytest.raises(SchemaError, match="x_dict has"):
        conv({"a": x_dict["a"]}, edges, state)
