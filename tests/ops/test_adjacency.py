"""Meta-relations, their plans and adjacency products against dense matrices and plain loops."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from hgl.errors import ConfigError, SchemaError
from hgl.ops import (
    MetaPath,
    MetaPaths,
    MetaPlan,
    RelationPlan,
    adjacency_product,
    draw_edges,
    product_budget,
    product_values,
    schema_walks,
    strong_edges,
)
from hgl.typing import EdgeType

TYPES = ["a", "b", "c", "none"]
NUM_NODES = {"a": 5, "b": 4, "c": 3, "none": 0}
EDGE_TYPES: list[EdgeType] = [
    ("a", "w", "b"),
    ("a", "x", "b"),
    ("b", "x", "c"),
    ("b", "y", "a"),
    ("b", "z", "b"),
    ("c", "x", "b"),
    ("none", "x", "a"),
]
BY_ORDER = [MetaPaths(TYPES, paths) for paths in schema_walks(EDGE_TYPES, 3)]


def first_plan(seed: int = 0, count: int = 7) -> MetaPlan:
    """Duplicate edges, an empty relation, an empty type."""
    generator = torch.Generator().manual_seed(seed)
    edges = {}
    for edge_type in EDGE_TYPES:
        sizes = NUM_NODES[edge_type[0]], NUM_NODES[edge_type[2]]
        ends = [torch.randint(max(n, 1), (count,), generator=generator) for n in sizes]
        empty = edge_type[1] == "w" or 0 in sizes
        edges[edge_type] = torch.stack(ends)[:, : 0 if empty else count]
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    return MetaPlan.from_relations(plan, BY_ORDER[0])


def weights(plan: MetaPlan, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(plan.num_edges, generator=generator, dtype=torch.float64) + 0.1


def product(left: MetaPlan, keep: Tensor, order: int, limit: int = 9999) -> MetaPlan:
    return adjacency_product(left, keep, first_plan(), BY_ORDER[order - 1], NUM_NODES, limit=limit)


def dense(plan: MetaPlan, weight: Tensor) -> dict[MetaPath, Tensor]:
    """[receivers, senders] per meta-relation; duplicates add up."""
    found = {}
    for number, path in enumerate(plan.paths.paths):
        matrix = torch.zeros(plan.num_dst[path[-1][2]], plan.num_src[path[0][0]]).double()
        for edge in (plan.relation == number).nonzero().flatten().tolist():
            matrix[plan.dst[edge], plan.src[edge]] += weight[edge]
        found[path] = matrix
    return found


def test_walks_are_as_many_as_the_schemas_matrix_says():
    schema = torch.zeros(len(TYPES), len(TYPES)).long()
    for source, _, target in EDGE_TYPES:
        schema[TYPES.index(source), TYPES.index(target)] += 1
    for order, paths in enumerate(schema_walks(EDGE_TYPES, 4), 1):
        assert len(paths) == len(set(paths)) == int(schema.matrix_power(order).sum())
        assert all(
            step[2] == following[0]
            for path in paths
            for step, following in itertools.pairwise(path)
        )


def test_a_plan_regroups_all_edges_by_receiver():
    edges = {
        ("a", "x", "b"): torch.tensor([[4, 0, 4, 1], [2, 0, 2, 2]]),
        ("b", "z", "b"): torch.tensor([[3], [2]]),
        ("b", "y", "a"): torch.tensor([[1, 0], [1, 0]]),
    }
    relations = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    plan = MetaPlan.from_relations(relations, BY_ORDER[0])
    assert (plan.group[1:] >= plan.group[:-1]).all()
    names = [plan.paths.paths[i][0][1] for i in plan.relation.tolist()]
    found = list(zip(names, plan.src.tolist(), plan.dst.tolist()))
    assert found == [
        ("y", 0, 0), ("y", 1, 1), ("x", 0, 0), ("x", 4, 2), ("x", 4, 2), ("x", 1, 2), ("z", 3, 2)
    ]  # fmt: skip
    assert plan.nodes.ptr.tolist() == [0, 1, 2, 2, 2, 2, 3, 3, 7, 7, 7, 7, 7]
    assert plan.nodes.src.tolist() == [5, 6, 0, 4, 4, 1, 8]
    few = plan.narrowed(NUM_NODES, {"a": 1, "b": 3, "c": 0, "none": 0})
    assert few.nodes.ptr.tolist() == [0, 1, 2, 2, 6]
    assert few.nodes.src.tolist() == [5, 0, 4, 4, 1, 8]


@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("order", [2, 3])
def test_the_product_equals_the_dense_one(order: int, theta: float):
    first = left = first_plan()
    for reached in range(2, order):
        keep = torch.ones(left.num_edges, dtype=torch.bool)
        left = product(left, keep, reached)
    weight = weights(left, 1)
    keep = strong_edges(weight, left, theta)
    out = product(left, keep, order)
    value = product_values(out, left, weight, keep, first)
    a, r = dense(left, weight * keep), dense(first, torch.ones(first.num_edges))
    found = dense(out, value)
    assert len(found) == len(BY_ORDER[order - 1])
    for path, matrix in found.items():
        m, relation = a[path[1:]], r[path[:1]]
        degree = (m.sum(0) + relation.sum(1)).clamp(min=1e-9)
        torch.testing.assert_close(matrix, m / degree @ relation, rtol=0, atol=1e-12)
    pairs = torch.stack([out.group, out.src])
    assert pairs.unique(dim=1).shape == pairs.shape


def test_edges_attended_to_are_kept_and_each_receivers_best():
    plan = first_plan()
    weight = weights(plan)
    assert strong_edges(weight, plan, 0.0).all()
    for theta in (0.5, 0.9):
        keep = strong_edges(weight, plan, theta)
        for group in plan.group.unique():
            mine = weight[plan.group == group]
            expected = (mine >= theta) | (mine == mine.max())
            assert torch.equal(keep[plan.group == group], expected)
    assert strong_edges(torch.ones(plan.num_edges), plan, 0.5).all()


def test_of_equal_weights_rounding_does_not_choose():
    plan = first_plan()
    shares = (1 / plan.degree[plan.group]).float()
    noise = torch.rand(plan.num_edges, generator=torch.Generator().manual_seed(0)) * 1e-6
    assert strong_edges(shares * (1 - noise), plan, 0.5).all()


def test_a_product_over_the_limit_says_how_large_it_is():
    plan = first_plan()
    keep = torch.ones(plan.num_edges, dtype=torch.bool)
    degree = plan.nodes.ptr.diff()
    terms = int(degree[plan.nodes.src.long()].sum())
    with pytest.raises(
        ConfigError, match=f"max_products={terms - 1}: .* order 2 has {terms} terms"
    ):
        product(plan, keep, 2, terms - 1)
    assert product(plan, keep, 2, terms).num_edges <= terms


def test_only_the_receivers_and_paths_asked_for_are_made():
    plan = first_plan()
    keep, weight = torch.ones(plan.num_edges, dtype=torch.bool), weights(plan)
    whole = product(plan, keep, 2)
    wanted = MetaPaths(TYPES, [p for p in BY_ORDER[1].paths if p[0][1] != "z"])
    few = {"a": 2, "b": 0, "c": 3, "none": 0}
    part = adjacency_product(plan, keep, plan, wanted, few, limit=999)
    values = [product_values(p, plan, weight, keep, plan) for p in (whole, part)]
    expected = dense(whole, values[0])
    assert len(dense(part, values[1])) == len(wanted) < len(expected)
    for path, matrix in dense(part, values[1]).items():
        torch.testing.assert_close(matrix, expected[path][: few[path[-1][2]]])


def test_joining_plans_keeps_all_edges_in_groups():
    first = first_plan()
    keep = torch.ones(first.num_edges, dtype=torch.bool)
    second = product(first, keep, 2)
    both = MetaPlan.joined(
        [first, second], MetaPaths(TYPES, [*first.paths.paths, *second.paths.paths])
    )
    parts = [dense(p, torch.ones(p.num_edges)) for p in (first, second)]
    for path, matrix in dense(both, torch.ones(both.num_edges)).items():
        assert torch.equal(matrix, parts[len(path) - 1][path])


def test_a_draw_is_no_larger_than_either_factor_and_takes_the_likeliest_when_not_random():
    first = first_plan()
    weight = weights(first)
    keep = strong_edges(weight, first, 0.5)
    out = product(first, keep, 2)
    value = product_values(out, first, weight, keep, first)
    budget = product_budget(first, keep, first, out)
    whole = dense(out, torch.ones(out.num_edges))
    a, r = dense(first, keep.double()), dense(first, torch.ones(first.num_edges))
    for number, path in enumerate(out.paths.paths):
        sizes = a[path[1:]].sum(), r[path[:1]].sum(), whole[path].sum()
        assert int(budget[number]) == int(min(sizes))
    for random in (True, False):
        some = draw_edges(out, value, budget, random=random)
        assert torch.equal(some.counts, budget)
    kept = dense(some, torch.ones(some.num_edges))
    for path, matrix in dense(out, value).items():
        inside, outside = matrix[kept[path] > 0], matrix[(kept[path] == 0) & (matrix > 0)]
        assert not len(inside) or not len(outside) or inside.min() >= outside.max()


def test_draws_follow_the_values():
    """Chi-squared, of first draws and of pairs drawn without replacement."""
    first = first_plan()
    keep = torch.ones(first.num_edges, dtype=torch.bool)
    whole = product(first, keep, 2)
    few = torch.zeros(whole.num_edges, dtype=torch.bool)
    few[(whole.relation == whole.counts.argmax()).nonzero().flatten()[:5]] = True
    some, value = whole.selected(few), weights(whole)[few]
    share = (value / value.sum()).tolist()
    keys = (some.group * 10 + some.src).tolist()
    torch.manual_seed(0)
    draws = 4000
    for size in (1, 2):
        expected = {
            chosen: sum(_chance(order, share) for order in itertools.permutations(chosen))
            for chosen in itertools.combinations(range(len(share)), size)
        }
        found = dict.fromkeys(expected, 0)
        budget = torch.full((len(some.paths),), size)
        for _ in range(draws):
            drawn = draw_edges(some, value, budget, random=True)
            chosen = (drawn.group * 10 + drawn.src).tolist()
            found[tuple(sorted(map(keys.index, chosen)))] += 1
        statistic = sum((found[c] - draws * p) ** 2 / (draws * p) for c, p in expected.items())
        # The 99.9 % points for 4 and 9 degrees of freedom.
        assert statistic < {1: 18.5, 2: 27.9}[size]


def _chance(order: tuple[int, ...], share: list[float]) -> float:
    left, chance = 1.0, 1.0
    for i in order:
        chance *= share[i] / left
        left -= share[i]
    return chance


def test_another_graph_than_the_models_is_refused():
    plan = RelationPlan.from_edges({}, NUM_NODES, EDGE_TYPES[:-1])
    with pytest.raises(SchemaError, match="the model's metadata has"):
        MetaPlan.from_relations(plan, BY_ORDER[0])
