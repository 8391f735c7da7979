"""The slot order of a plan, against plain loops over its edges."""

from __future__ import annotations

import pytest
import torch

from hgl.errors import SchemaError
from hgl.ops import RelationPlan, bag_sum, gather_rows, segment_sum
from hgl.ops.plan import Transpose

EDGE_TYPES = [("a", "x", "b"), ("b", "x", "b"), ("b", "y", "a"), ("c", "z", "b")]
NUM_NODES = {"a": 5, "b": 4, "c": 3}


def random_edges(seed: int = 0, count: int = 20) -> dict[tuple[str, str, str], torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def nodes(node_type: str) -> torch.Tensor:
        return torch.randint(NUM_NODES[node_type], (count,), generator=generator)

    edges = {e: torch.stack([nodes(e[0]), nodes(e[2])]) for e in EDGE_TYPES}
    edges["c", "z", "b"] = torch.empty(2, 0, dtype=torch.int64)
    return edges


def loop_sum(x: torch.Tensor, edges: dict) -> torch.Tensor:
    """[slots, channels] by the definition: per target type, relation and node."""
    first = {"a": 0, "b": 5, "c": 9}
    rows = []
    for node_type, count in NUM_NODES.items():
        for edge_type in (e for e in EDGE_TYPES if e[2] == node_type):
            out = torch.zeros(count, x.shape[1], dtype=x.dtype)
            for source, target in edges[edge_type].T.tolist():
                out[target] = out[target] + x[first[edge_type[0]] + source]
            rows.append(out)
    return torch.cat(rows)


def test_segment_sum_equals_the_loop_over_edges_and_slots_are_type_then_relation_then_node():
    edges = random_edges()
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    x = torch.randn(12, 3, dtype=torch.float64)
    assert plan.num_slots == 1 * 5 + 3 * 4
    torch.testing.assert_close(segment_sum(x, plan), loop_sum(x, edges), rtol=0, atol=1e-12)


def test_segment_sum_gradient_is_exact():
    plan = RelationPlan.from_edges(random_edges(1), NUM_NODES, EDGE_TYPES)
    x = torch.randn(12, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: segment_sum(x, plan), (x,))


def test_dict_order_of_the_edges_changes_nothing():
    edges = random_edges(2)
    x = torch.randn(12, 3)
    plans = [
        RelationPlan.from_edges(e, NUM_NODES, EDGE_TYPES)
        for e in (edges, dict(reversed(edges.items())))
    ]
    assert torch.equal(segment_sum(x, plans[0]), segment_sum(x, plans[1]))


def test_an_absent_edge_type_counts_as_empty_and_an_unknown_one_is_refused():
    plan = RelationPlan.from_edges({}, NUM_NODES, EDGE_TYPES)
    assert segment_sum(torch.ones(12, 2), plan).abs().sum() == 0
    with pytest.raises(SchemaError, match="'q'"):
        RelationPlan.from_edges({("a", "q", "b"): torch.zeros(2, 1).long()}, NUM_NODES, EDGE_TYPES)


@pytest.mark.parametrize("degree", [0, 1, 33, 1025, 100_000])
def test_bag_sum_of_one_segment_of_any_degree(degree: int):
    x = torch.randn(7, 2, dtype=torch.float64)
    index = torch.arange(degree) % 7
    expected = x[index].sum(0, keepdim=True)
    out = bag_sum(x, index, torch.tensor([0, degree]))
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)


def test_gather_rows_copies_and_sums_its_gradient_over_the_copies():
    index = torch.tensor([2, 0, 2, 2, 1])
    transpose = Transpose(torch.tensor([0, 1, 2, 5]), torch.tensor([1, 4, 0, 2, 3]))
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.equal(gather_rows(x, index, transpose), x[index])
    assert torch.autograd.gradcheck(lambda x: gather_rows(x, index, transpose), (x,))


def test_int32_lists_give_the_same_sums():
    plan = RelationPlan.from_edges(random_edges(3), NUM_NODES, EDGE_TYPES)
    narrow = RelationPlan(
        plan.src.int(),
        plan.ptr.int(),
        num_src=NUM_NODES,
        num_dst=NUM_NODES,
        edge_types=EDGE_TYPES,
    )
    x = torch.randn(12, 3, requires_grad=True)
    wide_grad, narrow_grad = (
        torch.autograd.grad(segment_sum(x, p).square().sum(), x)[0] for p in (plan, narrow)
    )
    assert torch.equal(wide_grad, narrow_grad)
