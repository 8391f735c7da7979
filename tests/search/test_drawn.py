"""Every graph model is drawn, shares its arrays, and shows no seed what is later."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hgl.db.database import Database
from hgl.graph.build import build_graph, build_store
from hgl.graph.sampler import TemporalSampler
from hgl.graph.temporal_graph import TemporalGraph
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace
from hgl.search.union_graph import UnionGraph
from hgl.typing import STATIC_TIME, UNKNOWN_TIME, EdgeType
from tests.graph.worlds import seen_by
from tests.search.databases import DAY, random_databases, space_of


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> list[Database]:
    return random_databases(tmp_path_factory.mktemp("drawn"))


@pytest.mark.parametrize("cut", ["inclusive", "strict"])
@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize("drawn", ["drop", "sink", "as a view"])
def test_no_row_and_no_edge_is_later_than_its_seed(
    databases: list[Database], drawn: str, backend: Any, cut: Any
) -> None:
    edges = 0
    for db in databases:
        rng = np.random.default_rng(7)
        for space in filter(None, (space_of(db.schema, name) for name in db.schema.tables)):
            union = UnionGraph(db, space, build_store(db))
            for model in (space.sample(rng) for _ in range(5)):
                graph = union.view(model) if drawn == "as a view" else _alone(db, model, drawn)
                edges += _check(db, graph, space.reach.entity_table, backend, cut)
    assert edges > 200


def _alone(db: Database, model: GraphModel, null_keys: Any) -> TemporalGraph:
    return build_graph(db, model.to_spec(null_keys))


def _check(db: Database, graph: TemporalGraph, entity: str, backend: Any, cut: Any) -> int:
    """Check what every row of a table sees at some instants; the edges of edge tables seen."""
    times, count = db.times(entity), db.schema.table(entity).num_rows
    own = np.zeros(count, np.int64) if times is None else times
    rows = np.tile(np.flatnonzero(own != UNKNOWN_TIME), 3)
    limits = np.maximum(np.repeat([2, 4, 6], len(rows) // 3) * DAY, own[rows])
    sampler = TemporalSampler(graph, [-1, 3], backend=backend, cut=cut)
    sample = sampler.sample(entity, torch.from_numpy(rows), torch.from_numpy(limits))
    tables = set(db.schema.tables)
    known = {t: db.times(t) if t in tables else None for t in graph.node_types}
    joins = {e: _rows(db, e) for e in graph.edge_types if "r2e_" in e[1]}
    tables = {row_type[0] for row_type in graph.row_types.values()}
    parts, seen = seen_by(sample, len(rows), tables), 0
    for part, seed, limit in zip(parts, rows.tolist(), limits.tolist()):
        last = limit if cut == "inclusive" else limit - 1
        for table, row in part.hops.keys() - {(entity, seed)}:
            times = known[table]
            assert times is None or times[row] <= last
        for edge_type, joined in joins.items():
            drawn = Counter(e[1:] for e, _ in part.edges if e[0] == edge_type)
            assert drawn <= Counter(pair for pair, at in joined if at <= last)
            seen += drawn.total()
    return seen


def _rows(db: Database, edge_type: EdgeType) -> list[tuple[tuple[int, int], int]]:
    """(source, target) and time of each row of a table drawn as edges, from its own columns.

    Of a relation from a sink, the source is 0 where the key is null; nothing leads to a sink.
    """
    label, sinks = edge_type[1], [end.endswith(" sink") for end in (edge_type[0], edge_type[2])]
    table = db.schema.table(label.removeprefix("rev_").removeprefix("r2e_"))
    fkeys = sorted(table.fkeys, key=lambda fkey: fkey.name, reverse=label.startswith("rev_"))
    frame, times = db.frame(table.name), db.times(table.name)
    ends = []
    for fkey in fkeys:
        place = {key: row for row, key in enumerate(db.frame(fkey.parent)["id"].tolist())}
        ends.append([place.get(key, -1) for key in frame[fkey.name].tolist()])
    if sinks[0]:
        ends[0] = [-1 if row >= 0 else 0 for row in ends[0]]
    if sinks[1]:
        return []
    at = np.full(len(frame), STATIC_TIME) if times is None else times
    pairs = zip(zip(*ends), at.tolist())
    return [(pair, time) for pair, time in pairs if min(pair) >= 0]


def test_models_share_their_arrays(databases: list[Database]) -> None:
    store, policies = build_store(databases[0]), ("drop", "sink")
    schema = databases[0].schema
    spaces = (space_of(schema, name) for name in schema.tables)
    models = [model for space in spaces if space for model in space]
    specs = [model.to_spec(null_keys) for model in models for null_keys in policies]
    graphs = [build_graph(databases[0], spec, store=store) for spec in specs]
    assert any(spec.edge_tables for spec in specs)
    for graph in graphs:
        for edge_type, relation in graph.relations.items():
            kept = store.relations[edge_type].arrays
            for name, array in relation.arrays.items():
                assert (array is None) == (kept[name] is None)
                assert array is None or array.data_ptr() == kept[name].data_ptr()


def test_a_model_of_rel_f1_is_a_view(shared_data: Path, tmp_path: Path) -> None:
    db = Database.open(str(shared_data / "rel-f1"), out=tmp_path / "f1")
    models, store = SpecSpace(db.schema, "drivers"), build_store(db)
    assert models.count == 722
    graphs = [build_graph(db, model.to_spec(), store=store) for model in models]
    drawn = {r.row.data_ptr() for g in graphs for r in g.relations.values()}
    assert drawn <= {r.row.data_ptr() for r in store.relations.values()}
