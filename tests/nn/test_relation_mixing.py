"""Crossing and fusing by themselves, against loops over nodes and heads."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import leaky_relu

from hgl.nn.relation_mixing import CrossRelationMessagePassing, RelationFusing

RELATIONS, NODES, HEADS, CHANNELS = 3, 4, 2, 5


def vectors(relations: int = RELATIONS) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(relations, NODES, HEADS, CHANNELS, dtype=torch.float64)


@pytest.mark.parametrize("queries", [None, [2], [0, 2]])
def test_crossing_equals_the_loop(queries: list[int] | None):
    z, crossing = vectors(), CrossRelationMessagePassing(RELATIONS, channels=CHANNELS, heads=HEADS)
    crossing.double()
    asked = range(RELATIONS) if queries is None else queries
    out = crossing(z, queries)
    assert out.shape == (len(asked), NODES, HEADS, CHANNELS)
    for place, query in enumerate(asked):
        for node in range(NODES):
            for head in range(HEADS):
                score = z[:, node, head] @ crossing.query[query, head]
                weight = leaky_relu(score, 0.2).softmax(0)
                expected = weight @ z[:, node, head]
                torch.testing.assert_close(out[place, node, head], expected, rtol=0, atol=1e-12)


def test_a_single_relation_passes_as_it_is():
    z = vectors(1)
    crossing = CrossRelationMessagePassing(1, channels=CHANNELS, heads=HEADS).double()
    assert torch.equal(crossing(z), z)
    fusing = RelationFusing(1, channels=CHANNELS, heads=HEADS, relation_channels=3).double()
    x = z.flatten(2)
    assert torch.equal(fusing(x, torch.randn(1, HEADS * 3, dtype=torch.float64)), x[0])


def test_fusing_weights_sum_to_one_per_node_and_head():
    fusing = RelationFusing(RELATIONS, channels=CHANNELS, heads=HEADS, relation_channels=3)
    states = torch.randn(RELATIONS, HEADS * 3, dtype=torch.float64)
    out, weight = fusing.double().fuse(vectors().flatten(2), states)
    assert out.shape == (NODES, HEADS * CHANNELS)
    torch.testing.assert_close(weight.sum(0), torch.ones(NODES, HEADS, dtype=torch.float64))
