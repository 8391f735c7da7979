"""A graph model drawn with every type of its space shows what it shows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

from hgl.db.database import Database
from hgl.graph.batch import make_batch
from hgl.graph.build import build_graph, build_store
from hgl.graph.sampler import TemporalSampler
from hgl.graph.temporal_graph import TemporalGraph
from hgl.search.space import SpecSpace
from hgl.search.union_graph import UnionGraph
from hgl.typing import UNKNOWN_TIME
from tests.search.databases import DAY, random_databases, space_of


@pytest.fixture(scope="module")
def unions(tmp_path_factory: pytest.TempPathFactory) -> list[UnionGraph]:
    found = []
    for db in random_databases(tmp_path_factory.mktemp("union")):
        store = build_store(db)
        spaces = (space_of(db.schema, name) for name in db.schema.tables)
        found += [UnionGraph(db, space, store) for space in spaces if space]
    return found


@pytest.mark.parametrize(
    ("backend", "strategy"), [("numba", "last"), ("torch", "last"), ("numba", "uniform")]
)
def test_a_view_samples_what_the_model_alone_does(
    unions: list[UnionGraph], backend: Any, strategy: Any
) -> None:
    rng, edges, absent = np.random.default_rng(3), 0, 0
    for union in unions:
        for model in (union.space.sample(rng) for _ in range(6)):
            view = union.view(model)
            alone = build_graph(union.db, model.to_spec(), store=union.store)
            options = {"backend": backend, "strategy": strategy}
            seen, expected = (
                _batch(graph, union.space.reach.entity_table, options) for graph in (view, alone)
            )
            edges += _check_same(seen, expected)
            absent += len(view.edge_types) - len(alone.edge_types)
    assert edges > 1000
    assert absent > 100


def _batch(graph: TemporalGraph, entity: str, options: dict[str, Any]) -> HeteroData:
    """What every row of a table sees at some instants, few neighbours of each kind."""
    times, count = graph.time[entity], graph.num_nodes[entity]
    own = torch.zeros(count, dtype=torch.int64) if times is None else times
    rows = (own != UNKNOWN_TIME).nonzero().flatten().repeat(2)
    limits = torch.tensor([3, 7]).repeat_interleave(len(rows) // 2).mul(DAY).maximum(own[rows])
    sample = TemporalSampler(graph, [2, 3], **options).sample(entity, rows, limits)
    return make_batch(sample, graph, limits)


def _check_same(seen: HeteroData, expected: HeteroData) -> int:
    """Check that two batches hold the same, but for types without copies or edges; the edges."""
    for node_type in seen.node_types:
        if node_type not in expected.node_types:
            assert seen[node_type].num_nodes == 0
            continue
        for name in ("n_id", "batch", "rel_time", "row_index"):
            assert (name in seen[node_type]) == (name in expected[node_type])
            if name in expected[node_type]:
                assert torch.equal(seen[node_type][name], expected[node_type][name])
    edges = 0
    for edge_type in seen.edge_types:
        if edge_type not in expected.edge_types:
            assert seen[edge_type].edge_index.shape == (2, 0)
            continue
        for name in ("edge_index", "edge_row", "rowptr"):
            assert (name in seen[edge_type]) == (name in expected[edge_type])
            if name in expected[edge_type]:
                assert torch.equal(seen[edge_type][name], expected[edge_type][name])
        edges += seen[edge_type].edge_index.shape[1]
    return edges


def test_views_have_the_same_types_and_the_rows_of_their_own_edges(
    unions: list[UnionGraph],
) -> None:
    rng = np.random.default_rng(4)
    for union in unions:
        for model in (union.space.sample(rng) for _ in range(20)):
            view, alone = union.view(model), build_graph(union.db, model.to_spec())
            assert view.metadata() == union.graph.metadata()
            assert view.row_types == alone.row_types


def test_views_copy_nothing(unions: list[UnionGraph]) -> None:
    for union in unions:
        kept = {*union.store.relations.values(), *union.graph.relations.values()}
        pointers = {r.colptr.data_ptr() for r in kept}
        for model in union.space:
            view = union.view(model)
            assert {r.colptr.data_ptr() for r in view.relations.values()} <= pointers
        targets = {e[2] for e in union.graph.edge_types}
        empty = {r.colptr.data_ptr() for r in union.graph.relations.values()}
        assert len(empty) == len(targets)


def test_the_union_is_what_models_draw(unions: list[UnionGraph]) -> None:
    for union in unions:
        drawn = [build_graph(union.db, m.to_spec(), store=union.store) for m in union.space]
        spare = set(union.graph.edge_types) - {e for g in drawn for e in g.edge_types}
        own = f"r2e_{union.space.reach.entity_table}"  # The one thing that no model can keep.
        assert {e[1].removeprefix("rev_") for e in spare} <= {own}
        assert {t for g in drawn for t in g.node_types} == set(union.graph.node_types)


def test_rel_f1_is_drawn_from_one_union(shared_data: Path, tmp_path: Path) -> None:
    db = Database.open(str(shared_data / "rel-f1"), out=tmp_path / "f1")
    union = UnionGraph(db, SpecSpace(db.schema, "drivers"), build_store(db))
    assert len(union.graph.node_types) == 9
    assert len(union.graph.edge_types) == 32
    assert all(union.view(m).metadata() == union.graph.metadata() for m in union.space)
