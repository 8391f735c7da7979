"""The proximity loss against a loop over pairs, and where its non-edges come from."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, logsigmoid

from hgl.nn.attached_loss import attach_loss
from hgl.nn.latte_conv import LATTEConv
from hgl.nn.proximity import NonEdges, PairScores, proximity_loss
from hgl.ops import MetaPaths, MetaPlan, RelationPlan
from hgl.typing import EdgeType

EDGE_TYPES: list[EdgeType] = sorted(
    [("a", "x", "b"), ("a", "w", "b"), ("b", "y", "a"), ("b", "z", "b"), ("b", "full", "c")]
)
NUM_NODES = {"a": 5, "b": 4, "c": 2}
CHANNELS, HEADS = 4, 2
FULL = torch.cartesian_prod(torch.arange(4), torch.arange(2)).T


def plan() -> MetaPlan:
    """One relation is empty, one joins all nodes, one has an edge twice."""
    edges = {
        ("a", "x", "b"): torch.tensor([[0, 4, 4, 2], [1, 3, 3, 0]]),
        ("b", "y", "a"): torch.tensor([[3, 1], [0, 4]]),
        ("b", "z", "b"): torch.tensor([[0, 1, 2], [0, 3, 2]]),
        ("b", "full", "c"): FULL,
    }
    relations = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    paths = MetaPaths([*NUM_NODES], [(e,) for e in EDGE_TYPES])
    return MetaPlan.from_relations(relations, paths)


def conv(**options: object) -> LATTEConv:
    torch.manual_seed(0)
    layer = LATTEConv(plan().paths, channels=CHANNELS, heads=HEADS, proximity=True, **options)
    torch.nn.init.normal_(layer.sharpness)
    return layer.double()


def inputs() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(sum(NUM_NODES.values()), CHANNELS, generator=generator).double()


def loop(layer: LATTEConv, x: Tensor, drawn: NonEdges, alpha: Tensor, omega: str) -> Tensor:
    """The loss from the layer's equations, pair by pair."""
    p, total = plan(), x.new_zeros(())
    rows = dict(zip(NUM_NODES, x.split([*NUM_NODES.values()])))
    types = [*NUM_NODES]

    def score(m: int, u: int, v: int) -> Tensor:
        ((source, _, target),) = p.paths.paths[m]
        left = layer.own[types.index(target)](rows[target][v]).view(HEADS, -1)
        right = layer.neighbour[types.index(source)](rows[source][u]).view(HEADS, -1)
        raw = (layer.attention_own[m] * left + layer.attention_neighbour[m] * right).sum(1)
        return layer.sharpness[m] * leaky_relu(raw.max(), 0.2)

    for m in range(len(p.paths)):
        positive, negative = [], []
        for e in (p.relation == m).nonzero().flatten().tolist():
            weight = 1.0 if omega == "one" else alpha[e].max()
            positive.append(weight * logsigmoid(score(m, int(p.src[e]), int(p.dst[e]))))
        for e in ((drawn.relation == m) & drawn.real).nonzero().flatten().tolist():
            negative.append(logsigmoid(-score(m, int(drawn.src[e]), int(drawn.dst[e]))))
        for terms in (positive, negative):
            if terms:
                total = total - torch.stack(terms).mean()
    return total / (2 * len(p.paths))


@pytest.mark.parametrize("omega", ["one", "attention", "detached"])
def test_equals_the_loop(omega: str):
    layer, x = conv(omega=omega), inputs()
    torch.manual_seed(5)
    out = layer(x, plan())
    torch.manual_seed(5)
    drawn = NonEdges.draw(plan(), 2)
    alpha = out.alpha.detach() if omega == "detached" else out.alpha
    expected = loop(layer, x, drawn, alpha, omega)
    torch.testing.assert_close(out.loss, expected, rtol=0, atol=1e-12)
    leaves = [layer.attention_own, layer.sharpness, layer.own[1].weight]
    for fast, slow in zip(
        *(torch.autograd.grad(z, leaves, retain_graph=True) for z in (out.loss, expected))
    ):
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)


def test_non_edges_are_none_and_as_many_as_asked():
    p = plan()
    drawn = NonEdges.draw(p, 3)
    edges = set(zip(p.relation.tolist(), p.src.tolist(), p.dst.tolist()))
    full = p.paths.number[(("b", "full", "c"),)]
    for m, u, v, real in zip(
        *(x.tolist() for x in (drawn.relation, drawn.src, drawn.dst, drawn.real))
    ):
        ((source, _, target),) = p.paths.paths[m]
        assert u < NUM_NODES[source]
        assert v < NUM_NODES[target]
        assert real == ((m, u, v) not in edges)
        assert not real or m != full
    assert torch.equal(torch.bincount(drawn.relation, minlength=len(p.paths)), 3 * p.counts)


def test_non_edges_are_drawn_evenly():
    p = plan()
    torch.manual_seed(0)
    drawn = NonEdges.draw(p, 4000)
    mine = (drawn.relation == p.paths.number[(("a", "x", "b"),)]) & drawn.real
    found = torch.bincount(drawn.src[mine] * 4 + drawn.dst[mine], minlength=20).double()
    free = found[found > 0]
    assert len(free) == 20 - 3
    expected = free.mean()
    # The 99.9 % point for 16 degrees of freedom.
    assert ((free - expected).square() / expected).sum() < 39.3


def test_no_edges_cost_nothing():
    relations = RelationPlan.from_edges({}, NUM_NODES, EDGE_TYPES)
    empty = MetaPlan.from_relations(relations, plan().paths)
    out = conv()(inputs(), empty)
    assert out.loss == 0
    assert out.x.isfinite().all()


def test_a_layer_that_is_not_asked_or_not_training_has_no_loss():
    assert conv().eval()(inputs(), plan()).loss is None
    layer = LATTEConv(plan().paths, channels=CHANNELS, heads=HEADS).double()
    assert layer(inputs(), plan()).loss is None


def test_scores_of_edges_above_those_of_others_cost_less():
    p = plan()
    drawn = NonEdges.draw(p, 2)
    sent, received = torch.zeros(p.sent.count, 1), torch.zeros(p.received.count, 1)
    losses = [
        proximity_loss(
            PairScores(
                sent - 3, received, torch.ones(len(p.paths)), p.src[:, None] * 0 + high, 0.2
            ),
            p,
            drawn,
        )
        for high in (-3.0, 3.0)
    ]
    assert losses[1] < losses[0]


def test_an_attached_loss_adds_its_gradient_whatever_becomes_of_the_output():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    out = attach_loss(x * w, w.square())
    torch.testing.assert_close(out, x * w)
    (5 * out).sum().backward()
    assert w.grad == 5 * 3 + 2 * 3
    torch.testing.assert_close(x.grad, torch.full((2,), 15.0))
