"""Where the actions lead: the published defect of `rdb2g`, and the whole space for `repair`."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from hgl.errors import ConfigError
from hgl.search.actions import MOST_SUBSETS, ActionPolicy, Kind, actions, follow
from hgl.search.space import SpecSpace
from tests.search.published import schema, space, tasks

BACKWARD: tuple[Kind, ...] = ("remove", "to_edges", "to_rows")
PAIRS = ["condition-sponsor-run", "site-sponsor-run"]
MAIN = [
    *("user-clicks", "user-visits", "ad-ctr", "user-ad-visit", "user-repeat", "user-ignore"),
    *("user-attendance", "driver-dnf", "driver-top3", "driver-position", "post-post-related"),
    "study-outcome",
]


def moves(
    models: SpecSpace, policy: ActionPolicy, kinds: Collection[Kind] | None = None
) -> coo_array:
    """[count, count] from model to neighbour."""
    source, target = [], []
    for action in actions(models.reach.encoding, policy, kinds):
        after = follow(action, models.reach, policy, models.masks)
        found = np.flatnonzero((after >= 0) & (after != models.masks))
        source.append(found)
        target.append(np.searchsorted(models.masks, after[found]))
    pairs = np.unique(np.stack([np.concatenate(source), np.concatenate(target)]), axis=1)
    return coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), (len(models),) * 2)


def distances(models: SpecSpace, graph: coo_array) -> np.ndarray:
    """[count] steps from all rows as nodes; infinite where there is no way."""
    return shortest_path(graph.tocsr(), indices=models.index(models.all_rows), unweighted=True)


def test_components_of_rdb2g_on_f1() -> None:
    _, label = connected_components(moves(space("driver-top3"), "rdb2g").tocsr())
    assert sorted(np.bincount(label), reverse=True) == [362, 144, 144, 72]


@pytest.mark.parametrize(("task", "reached"), [("driver-top3", 110), ("user-clicks", 161)])
def test_backward_reach_of_rdb2g(task: str, reached: int) -> None:
    graph = moves(space(task), "rdb2g", BACKWARD)
    assert np.isfinite(distances(space(task), graph)).sum() == reached


def test_branching_of_rdb2g() -> None:
    means = [moves(space(task), "rdb2g").nnz / space(task).count for task in MAIN]
    assert (round(min(means), 1), round(max(means), 1)) == (6.4, 12.7)


@pytest.mark.parametrize("task", sorted(tasks().keys() - set(PAIRS)))
def test_repair_reaches_the_whole_space_from_all_rows(task: str) -> None:
    steps = distances(space(task), moves(space(task), "repair"))
    # RDB2G-Bench's trial database, whose counts are the largest, needs two more than the others.
    assert steps.max() <= (10 if tasks()[task].schema.name == "trial" else 8)


@pytest.mark.parametrize("task", PAIRS)
def test_repair_reaches_the_whole_space_from_anywhere_without_all_rows(task: str) -> None:
    graph = moves(space(task), "repair").tocsr()
    assert connected_components(graph, directed=True, connection="strong")[0] == 1


@pytest.mark.parametrize("policy", ["rdb2g", "repair"])
@pytest.mark.parametrize("task", ["user-repeat", "user-ad-visit", "site-sponsor-run"])
def test_neighbours_of_one_model_are_those_of_all(task: str, policy: ActionPolicy) -> None:
    models = space(task)
    graph = moves(models, policy).tocsr()
    for position in range(0, models.count, 7):
        neighbours = models[position].neighbours(policy)
        assert all(models.is_valid(model) for model in neighbours)
        assert [models.index(model) for model in neighbours] == sorted(graph[[position]].indices)


@pytest.mark.parametrize(
    ("task", "table", "keys"),
    [
        ("user-repeat", "user_friends", ("friend", "user")),
        ("post-post-related", "postLinks", ("PostId", "RelatedPostId")),
    ],
)
def test_tables_that_join_a_table_to_itself_become_edges_and_rows_again(
    task: str, table: str, keys: tuple[str, str]
) -> None:
    rows = space(task).draw([(table, key) for key in keys])
    (edges,) = rows.neighbours("rdb2g", ["to_edges"])
    assert (edges.edge_tables, edges.fkeys) == ((table,), ())
    assert edges.neighbours("rdb2g", ["to_rows"]) == [rows]
    removed = rows.neighbours("rdb2g", ["remove"])
    assert {model.fkeys for model in removed} == {((table, key),) for key in keys}


def test_wide_tables_are_not_tried_subset_by_subset() -> None:
    wide = SpecSpace(schema(a={}, fact={f"k{n:02}": "a" for n in range(20)}), "a")
    assert len(wide.all_rows.neighbours()) == 20
    few = MOST_SUBSETS
    narrow = SpecSpace(schema(a={}, fact={f"k{n}": "a" for n in range(few)}), "a")
    assert len(narrow.all_rows.neighbours()) == 2**few - 2


def test_unknown_policy_and_kind() -> None:
    model = space("user-repeat").all_rows
    with pytest.raises(ConfigError, match="policy='random': expected one of rdb2g, repair"):
        model.neighbours("random")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="kind 'flip': expected one of add, remove"):
        model.neighbours("rdb2g", ["flip"])  # type: ignore[list-item]
