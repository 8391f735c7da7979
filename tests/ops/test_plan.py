"""The slot order of a plan, against plain loops over its edges."""

from __future__ import annotations

import pytest
import torch

from hgl.errors import SchemaError
from hgl.ops import (
    CopiedRows,
    Copies,
    RelationPlan,
    Transpose,
    bag_sum,
    copied_linear,
    copy_rows,
    relation_linear,
)

EDGE_TYPES = [("a", "x", "b"), ("b", "x", "b"), ("b", "y", "a"), ("c", "z", "b")]
NUM_NODES = {"a": 5, "b": 4, "c": 3}


def random_edges(seed: int = 0, count: int = 20) -> dict[tuple[str, str, str], torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def nodes(node_type: str) -> torch.Tensor:
        return torch.randint(NUM_NODES[node_type], (count,), generator=generator)

    edges = {e: torch.stack([nodes(e[0]), nodes(e[2])]) for e in EDGE_TYPES}
    edges["c", "z", "b"] = torch.empty(2, 0, dtype=torch.int64)
    return edges


def loop_linear(x_dict: dict, weight: torch.Tensor, edges: dict, mean: bool) -> dict:
    """The definition: per relation and target, pool the neighbours, then map them."""
    out = {t: torch.zeros(n, weight.shape[2], dtype=weight.dtype) for t, n in NUM_NODES.items()}
    slot_order = [e for t in NUM_NODES for e in EDGE_TYPES if e[2] == t]
    for position, edge_type in enumerate(slot_order):
        source, target = edges[edge_type]
        for node in range(NUM_NODES[edge_type[2]]):
            neighbours = x_dict[edge_type[0]][source[target == node]]
            if len(neighbours):
                pooled = neighbours.mean(0) if mean else neighbours.sum(0)
                out[edge_type[2]][node] += pooled @ weight[position]
    return out


def inputs(seed: int = 0) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    torch.manual_seed(seed)
    x_dict = {t: torch.randn(n, 3, dtype=torch.float64) for t, n in NUM_NODES.items()}
    return x_dict, torch.randn(4, 3, 2, dtype=torch.float64)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_relation_linear_equals_the_loop(seed: int, mean: bool):
    edges, (x_dict, weight) = random_edges(seed), inputs(seed)
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    # Both ways of computing must be covered: mapping the sources, and mapping the sums.
    assert {block.maps_sources for block in plan.blocks} == {False, True}
    out = relation_linear(x_dict, weight, plan, mean=mean)
    expected = loop_linear(x_dict, weight, edges, mean)
    for node_type in NUM_NODES:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


@pytest.mark.parametrize("mean", [False, True])
def test_relation_linear_gradient_is_exact(mean: bool):
    plan = RelationPlan.from_edges(random_edges(1), NUM_NODES, EDGE_TYPES)
    x_dict, weight = inputs()
    leaves = [x.requires_grad_() for x in x_dict.values()]

    def run(weight: torch.Tensor, *xs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = relation_linear(dict(zip(NUM_NODES, xs, strict=True)), weight, plan, mean=mean)
        return tuple(out.values())

    assert torch.autograd.gradcheck(run, (weight.requires_grad_(), *leaves))


def test_dict_order_of_the_edges_changes_nothing():
    edges = random_edges(2)
    x_dict, weight = inputs()
    turned = dict(reversed(edges.items()))
    first, second = (
        relation_linear(x_dict, weight, RelationPlan.from_edges(e, NUM_NODES, EDGE_TYPES))
        for e in (edges, turned)
    )
    assert all(torch.equal(first[t], second[t]) for t in NUM_NODES)


def test_slots_are_numbered_by_target_type_then_relation_then_node():
    edges = {
        ("a", "x", "b"): torch.tensor([[4, 0], [1, 3]]),
        ("b", "y", "a"): torch.tensor([[2], [0]]),
    }
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    assert plan.edge_types == [EDGE_TYPES[2], EDGE_TYPES[0], EDGE_TYPES[1], EDGE_TYPES[3]]
    assert plan.num_slots == 5 + 3 * 4
    assert plan.src.tolist() == [5 + 2, 4, 0]
    assert plan.ptr.diff().nonzero().flatten().tolist() == [0, 5 + 1, 5 + 3]


def test_an_absent_edge_type_counts_as_empty_and_an_unknown_one_is_refused():
    plan = RelationPlan.from_edges({}, NUM_NODES, EDGE_TYPES)
    x_dict, weight = inputs()
    assert all(x.abs().sum() == 0 for x in relation_linear(x_dict, weight, plan).values())
    with pytest.raises(SchemaError, match="'q'"):
        RelationPlan.from_edges({("a", "q", "b"): torch.zeros(2, 1).long()}, NUM_NODES, EDGE_TYPES)


def test_targets_may_be_fewer_than_the_nodes():
    num_dst = {"a": 0, "b": 2, "c": 0}
    edges = {e: ends[:, ends[1] < num_dst[e[2]]] for e, ends in random_edges(4).items()}
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES, num_dst=num_dst)
    assert plan.num_slots == 3 * 2
    x_dict, weight = inputs()
    out = relation_linear(x_dict, weight, plan)
    expected = loop_linear(x_dict, weight, edges, mean=False)
    assert {t: len(x) for t, x in out.items()} == num_dst
    torch.testing.assert_close(out["b"], expected["b"][:2], rtol=0, atol=1e-12)
    into_b = {("b", "x", "b"): torch.tensor([[0], [2]])}
    with pytest.raises(SchemaError, match="expected 0 to 1"):
        RelationPlan.from_edges(into_b, NUM_NODES, EDGE_TYPES, num_dst=num_dst)


@pytest.mark.parametrize("degree", [0, 1, 33, 1025, 100_000])
def test_bag_sum_of_one_segment_of_any_degree(degree: int):
    x = torch.randn(7, 2, dtype=torch.float64)
    index = torch.arange(degree) % 7
    expected = x[index].sum(0, keepdim=True)
    out = bag_sum(x, index, torch.tensor([0, degree]))
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)


def test_copy_rows_adds_the_curve_and_sums_its_gradient_over_the_copies():
    index = torch.tensor([2, 0, 2, 2, 1])
    transpose = Transpose(torch.tensor([0, 1, 2, 5]), torch.tensor([1, 4, 0, 2, 3]))
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    basis = torch.randn(5, 2, dtype=torch.float64)
    curve = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    copies = Copies(index, transpose, basis)
    torch.testing.assert_close(copy_rows(x, copies, curve), x[index] + basis @ curve)
    assert torch.autograd.gradcheck(lambda x, c: copy_rows(x, copies, c), (x, curve))
    bare = Copies(index, transpose)
    assert torch.equal(copy_rows(x, bare), x[index])
    assert torch.autograd.gradcheck(lambda x: copy_rows(x, bare), (x,))


def test_copied_linear_equals_mapping_the_copies():
    torch.manual_seed(0)
    transpose = Transpose(torch.tensor([0, 1, 2, 5]), torch.tensor([1, 4, 0, 2, 3]))
    index = torch.tensor([2, 0, 2, 2, 1])
    timed = Copies(index, transpose, torch.randn(5, 2, dtype=torch.float64))
    curve = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    rows = [torch.randn(n, 4, dtype=torch.float64, requires_grad=True) for n in (3, 3, 2)]
    weight = [torch.randn(4, 6, dtype=torch.float64, requires_grad=True) for _ in rows]

    def run(curve: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a, b, c, *matrices = tensors
        parts = [
            CopiedRows(a, timed, curve),
            CopiedRows(b, Copies(index, transpose)),
            CopiedRows(c),
        ]
        assert [len(part) for part in parts] == [5, 5, 2]
        whole = [part.dense() @ matrix for part, matrix in zip(parts, matrices, strict=True)]
        return copied_linear(parts, matrices), torch.cat(whole)

    out, expected = run(curve, *rows, *weight)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    assert torch.autograd.gradcheck(lambda *x: run(*x)[0], (curve, *rows, *weight))


def test_int32_lists_give_the_same_result():
    wide = RelationPlan.from_edges(random_edges(3), NUM_NODES, EDGE_TYPES)
    narrow = RelationPlan(
        wide.src.int(), wide.ptr.int(), num_src=NUM_NODES, num_dst=NUM_NODES, edge_types=EDGE_TYPES
    )
    x_dict, weight = inputs()
    weight.requires_grad_()
    grads = [
        torch.autograd.grad(
            sum(x.square().sum() for x in relation_linear(x_dict, weight, p).values()), weight
        )[0]
        for p in (wide, narrow)
    ]
    assert torch.equal(*grads)
