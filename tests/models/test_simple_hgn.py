"""SimpleHGN against a loop over nodes and relations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import elu, leaky_relu

from hgl.models.simple_hgn import SimpleHGN, SimpleHGNConv
from hgl.ops import by_target
from tests.models.test_networks import jittered
from tests.models.test_rhgnn import CHANNELS, EDGE_TYPES, METADATA, NUM_NODES, graph

HEADS, CARRIED = 2, 0.3
SLOTS = by_target(METADATA[0], EDGE_TYPES)


def loop_layer(conv: SimpleHGNConv, x: dict, edges: dict, before: dict | None) -> tuple[dict, dict]:
    """One layer from the equations; weights are kept per (edge type, edge)."""
    heads = {t: (rows @ conv.weight).view(-1, HEADS, CHANNELS // HEADS) for t, rows in x.items()}
    out, weights = {}, {}
    for node_type, rows in x.items():
        new = [*rows]
        for node in range(len(rows)):
            mine, scores, sent = [], [], []
            for i, edge_type in enumerate(SLOTS):
                if edge_type[2] != node_type:
                    continue
                state = (conv.relation[i] @ conv.relation_weight).view(HEADS, -1)
                for number, (source, target) in enumerate(edges[edge_type].T.tolist()):
                    if target == node:
                        h = heads[edge_type[0]][source]
                        total = (
                            (conv.of_dst * heads[node_type][node]).sum(1)
                            + (conv.of_src * h).sum(1)
                            + (conv.of_relation * state).sum(1)
                        )
                        mine.append((edge_type, number))
                        scores.append(leaky_relu(total, 0.2))
                        sent.append(h)
            if mine:
                share = torch.stack(scores).softmax(0)
                if before is not None:
                    prior = torch.stack([before[key] for key in mine])
                    share = (1 - CARRIED) * share + CARRIED * prior
                weights |= dict(zip(mine, share))
                new[node] = new[node] + (share.unsqueeze(2) * torch.stack(sent)).sum(0).flatten()
        out[node_type] = torch.stack(new)
    return out, weights


def loop(net: SimpleHGN, x_dict: dict, edges: dict) -> dict[str, Tensor]:
    x, weights = x_dict, None
    for layer, conv in enumerate(net.convs):
        x = {t: elu(rows) for t, rows in x.items()} if layer else x
        x, weights = loop_layer(conv, x, edges, weights)
    return {t: rows / rows.norm(dim=1, keepdim=True) for t, rows in x.items()}


def model(layers: int) -> SimpleHGN:
    net = SimpleHGN(
        METADATA,
        channels=CHANNELS,
        num_layers=layers,
        heads=HEADS,
        relation_channels=3,
        carried=CARRIED,
        normalise=True,
    )
    return jittered(net)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_equals_the_loop(seed: int, layers: int):
    net = model(layers)
    x_dict, edges = graph(seed)
    out, expected = net(x_dict, edges), loop(net, x_dict, edges)
    assert list(out) == sorted(NUM_NODES)
    for node_type in NUM_NODES:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_gradients_equal_the_loops_and_reach_every_parameter():
    net = model(2)
    x_dict, edges = graph(1)
    leaves = [x.requires_grad_() for x in x_dict.values()] + list(net.parameters())
    found = [
        torch.autograd.grad(
            sum((x - x.mean()).pow(3).sum() for x in run(x_dict, edges).values()), leaves
        )
        for run in (net, lambda x, e: loop(net, x, e))
    ]
    for fast, slow in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-11)
        assert fast.abs().sum() > 0


def test_the_edge_type_and_the_weights_carried_over_matter():
    net, (x_dict, edges) = model(2), graph()
    expected = net(x_dict, edges)["b"]
    for change in (lambda c: c.relation.data.zero_(), lambda c: setattr(c, "carried", 0.0)):
        other = model(2)
        change(other.convs[1])
        assert not torch.allclose(other(x_dict, edges)["b"], expected)
