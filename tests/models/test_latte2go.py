"""LATTE2GO against a loop over nodes and meta-relations, and which meta-relations it has."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from hgl.errors import ConfigError
from hgl.models.latte2go import LATTE2GO
from hgl.nn.latte2go_conv import LATTE2GOConv
from tests.models.test_latte import CHANNELS, HEADS, METADATA, NUM_NODES, Edges, graph, loop_next

X, Y, Z = ("a", "x", "b"), ("b", "y", "a"), ("b", "z", "b")


def model(**options: object) -> LATTE2GO:
    torch.manual_seed(0)
    net = LATTE2GO(METADATA, channels=CHANNELS, heads=HEADS, **options).double()
    for conv in net.convs:  # so that a term left out shows
        torch.nn.init.normal_(conv.choice_bias)
        torch.nn.init.normal_(conv.scale)
    return net


def loop_layer(conv: LATTE2GOConv, h: dict[str, Tensor], edges: Edges, paths: list) -> tuple:
    """One layer from the equations; the receiver's half of the attention vectors is random."""
    types = sorted(NUM_NODES)
    x = {t: f(h[t]).view(-1, HEADS, CHANNELS // HEADS) for t, f in zip(types, conv.project)}
    half = torch.randn_like(conv.attention)
    out, alpha, first = {}, {path: {} for path in paths}, 0
    for t in types:
        mine = [i for i, path in enumerate(paths) if path[-1][2] == t]
        columns, rows = range(first, first + len(mine) + 1), []
        first += len(columns)
        for v in range(len(x[t])):
            values = []
            for i in mine:
                source, senders = x[paths[i][0][0]], [u for u, w in edges[paths[i]] if w == v]
                z = torch.zeros_like(x[t][v])
                if senders:
                    score = torch.stack(
                        [
                            (half[i] * leaky_relu(x[t][v], 0.2)).sum(1)
                            + (conv.attention[i] * leaky_relu(source[u], 0.2)).sum(1)
                            for u in senders
                        ]
                    ).softmax(0)
                    z = sum(w[:, None] * source[u] for w, u in zip(score, senders))
                    for w, u in zip(score, senders):
                        alpha[paths[i]].setdefault((u, v), []).append(float(w.detach().max()))
                values.append(z)
            values.append(x[t][v])
            choice = torch.stack(
                [
                    leaky_relu(
                        (conv.choice_own[c] * x[t][v]).sum(1)
                        + (conv.choice_neighbour[c] * z).sum(1),
                        0.2,
                    )
                    + conv.choice_bias[c]
                    for c, z in zip(columns, values, strict=True)
                ]
            ).softmax(0)
            mixed = sum(w[:, None] * conv.scale[c] * z for w, c, z in zip(choice, columns, values))
            rows.append(mixed.flatten().relu())
        out[t] = torch.stack(rows) if rows else h[t]
    return out, alpha


def loop(net: LATTE2GO, x_dict: dict, edges: dict) -> dict[str, Tensor]:
    first: Edges = {(e,): list(zip(*ends.tolist())) for e, ends in edges.items()}
    h, reached, layers = x_dict, first, []
    for conv, norms, paths in zip(net.convs, net.norms, net.paths):
        h, alpha = loop_layer(conv, h, reached, paths.paths)
        h = {t: norm(h[t]) for t, norm in zip(sorted(h), norms)}
        layers.append(h)
        reached = {**loop_next(alpha, reached, first, 0.5), **first}
    return {t: net.output(torch.cat([layer[t] for layer in layers], 1)) for t in x_dict}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{"num_layers": 1}, {}, {"num_layers": 3}, {"max_order": 1}])
def test_equals_the_loop(seed: int, options: dict[str, int]):
    net = model(**options)
    x_dict, edges = graph(seed)
    leaves = [x.requires_grad_() for x in x_dict.values()] + list(net.parameters())
    out, expected = net(x_dict, edges), loop(net, x_dict, edges)
    for node_type, n in NUM_NODES.items():
        assert out[node_type].shape == (n, CHANNELS)
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)
    found = [
        torch.autograd.grad(sum(x.square().sum() for x in y.values()), leaves, allow_unused=True)
        for y in (out, expected)
    ]
    for leaf, fast, slow in zip(leaves, *found, strict=True):
        fast, slow = (torch.zeros_like(leaf) if x is None else x for x in (fast, slow))
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-10)


def test_choices_sum_to_one():
    for layer in model().attention(*graph()):
        for node_type, beta in layer.beta.items():
            assert beta.shape == (NUM_NODES[node_type], len(layer.columns[node_type]) + 1)
            torch.testing.assert_close(beta.sum(1), beta.new_ones(len(beta)))


def test_orders_are_capped_and_do_not_mix_self_loops():
    net = model(num_layers=3, max_order=2)
    assert [{len(p) for p in paths.paths} for paths in net.paths] == [{1}, {1, 2}, {1, 2}]
    longer = [p for p in net.paths[2].paths if len(p) == 2]
    assert (Z, Z) in longer
    assert (X, Y) in longer
    assert (X, Z) not in longer
    assert (Z, Y) not in longer
    assert {len(p) for p in model(max_order=1).paths[1].paths} == {1}


def test_a_whitelist_says_which_longer_ones_count():
    net = model(whitelist=[[list(X), list(Y)]])
    assert [p for p in net.paths[1].paths if len(p) > 1] == [(X, Y)]
    assert net(*graph())["a"].isfinite().all()
    with pytest.raises(ConfigError, match=r"whitelist: .*'z', 'b'.* cannot be reached"):
        model(whitelist=[[X, Z]])
    with pytest.raises(ConfigError, match="max_order=0"):
        model(max_order=0)
    with pytest.raises(ConfigError, match="channels=6: expected a multiple of heads=4"):
        LATTE2GO(METADATA, channels=6, heads=4)
