"""Edges joined by target, against plain loops over the plan's edges."""

from __future__ import annotations

import pytest
import torch

from hgl.ops import RelationPlan, expand
from tests.ops.test_plan import EDGE_TYPES, NUM_NODES, random_edges

FIRST = {"a": 0, "b": 5, "c": 9}


def plan(seed: int = 0) -> RelationPlan:
    return RelationPlan.from_edges(random_edges(seed), NUM_NODES, EDGE_TYPES)


@pytest.mark.parametrize("seed", range(3))
def test_edges_stand_by_target_then_relation(seed: int):
    whole, edges = plan(seed), random_edges(seed)
    joined = whole.joined
    target = expand(joined.nodes.ptr, joined.nodes.num_edges)
    assert joined.nodes.num_segments == sum(NUM_NODES.values())
    expected = sorted(
        (FIRST[e[2]] + v, position, FIRST[e[0]] + u)
        for position, e in enumerate(whole.edge_types)
        for u, v in edges[e].T.tolist()
    )
    found = zip(target.tolist(), joined.relation.tolist(), joined.nodes.src.tolist(), strict=True)
    found = list(found)
    assert sorted(found) == expected
    assert [edge[:2] for edge in found] == [edge[:2] for edge in expected]
    assert torch.equal(joined.nodes.src, whole.src[joined.nodes.order])
    entering = {t: sum(edges[e].shape[1] for e in edges if e[2] == t) for t in NUM_NODES}
    assert joined.type_edges == entering


def test_a_sender_is_a_relation_and_a_source():
    whole = plan(1)
    begin = {e: part.start for e, part in whole.sender_slots.items()}
    assert whole.senders.num_src == sum(NUM_NODES[e[0]] for e in EDGE_TYPES)
    assert torch.equal(whole.joined.senders.src, whole.senders.src[whole.joined.nodes.order])
    for edge, position in enumerate(whole.joined.relation.tolist()):
        edge_type = whole.edge_types[position]
        node = int(whole.joined.nodes.src[edge]) - FIRST[edge_type[0]]
        assert int(whole.joined.senders.src[edge]) == begin[edge_type] + node


def test_relations_without_targets_have_no_senders():
    none = torch.zeros(1, dtype=torch.int32)
    narrow = RelationPlan(
        none[:0],
        torch.zeros(1 + 5, dtype=torch.int32),
        num_src=NUM_NODES,
        num_dst={"a": 5, "b": 0, "c": 0},
        edge_types=EDGE_TYPES,
    )
    assert narrow.senders.num_src == NUM_NODES["b"]
    assert narrow.joined.nodes.num_segments == 5
    assert narrow.joined.type_edges == {"a": 0, "b": 0, "c": 0}


def test_a_graph_without_relations_has_no_edges():
    bare = RelationPlan.from_edges({}, NUM_NODES, [])
    assert bare.joined.nodes.num_segments == sum(NUM_NODES.values())
    assert bare.joined.senders.num_src == 0
