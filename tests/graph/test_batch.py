"""Batches against the sample they come from, plain sorts, and PyG."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.nn import HeteroConv, SAGEConv

from hgl.graph.batch import make_batch
from hgl.graph.sample import Sample
from hgl.graph.sampler import TemporalSampler
from hgl.graph.temporal_graph import TemporalGraph
from hgl.typing import STATIC_TIME
from tests.graph.test_sampler import queries
from tests.graph.worlds import World


@dataclass(frozen=True)
class Numbers:
    """Features that name their row."""

    offset: int

    def gather(self, rows: Tensor) -> dict[str, Tensor]:
        return {"numerical": (rows + self.offset).unsqueeze(1).float()}

    def to(self, device: torch.device | str) -> Numbers:
        return self


def sampled(world: World, entity: str, rows: Tensor, until: Tensor, fanout: list[int]) -> Sample:
    return TemporalSampler(world.graph(), fanout).sample(entity, rows, until)


def pieces(ptr: Tensor, values: Tensor) -> list[list[int]]:
    bounds = ptr.tolist()
    return [values[a:b].tolist() for a, b in itertools.pairwise(bounds)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(query=queries())
def test_a_batch_says_what_its_sample_says(query) -> None:  # type: ignore[no-untyped-def]
    world, entity, rows, until, options = query
    graph = world.graph()
    sample = TemporalSampler(graph, **options).sample(entity, rows, until)
    features = {name: Numbers(100 * i) for i, name in enumerate(graph.node_types)}
    seed_time = until + 3
    batch = make_batch(sample, graph, seed_time, features)
    assert batch.metadata() == graph.metadata()
    for t, name in enumerate(graph.node_types):
        check_nodes(batch, graph, name, seed_time, 100 * t)
        assert batch[name].num_sampled_nodes == sample.num_copies[t].tolist()
    for edge_type in graph.edge_types:
        check_edges(batch, edge_type)
    parts = torch.cat([batch[name].n_id for name in graph.node_types])
    assert torch.equal(parts, sample.row)
    check_layers(batch, sample)


def check_nodes(
    batch: HeteroData, graph: TemporalGraph, name: str, seed_time: Tensor, offset: int
) -> None:
    store = batch[name]
    assert store.num_nodes == store.n_id.numel() == store.batch.numel()
    assert store.rows.unique().numel() == store.rows.numel()
    assert torch.equal(store.rows[store.row_index], store.n_id)
    copies = pieces(store.row_ptr, store.row_perm)
    assert copies == [
        (store.row_index == r).nonzero().flatten().tolist() for r in range(len(copies))
    ]
    assert len(copies) == store.rows.numel()
    assert torch.equal(store.columns["numerical"][:, 0], (store.rows + offset).float())
    time = graph.time[name]
    assert ("rel_time" in store) == (time is not None)
    if time is not None:
        for row, seed, elapsed in zip(store.n_id, store.batch, store.rel_time, strict=True):
            known = int(time[row])
            forever = torch.iinfo(torch.int64).max
            assert elapsed == (forever if known == STATIC_TIME else seed_time[seed] - known)


def check_edges(batch: HeteroData, edge_type: tuple[str, str, str]) -> None:
    store, source, target = batch[edge_type], batch[edge_type[0]], batch[edge_type[2]]
    sources, targets = store.edge_index
    assert store.edge_index.dtype == store.rowptr.dtype == torch.int64
    assert torch.equal(targets, targets.sort().values)
    counts = torch.bincount(targets, minlength=target.num_nodes)
    assert torch.equal(store.rowptr.diff(), counts)
    assert store.rowptr[0] == 0
    assert torch.equal(source.batch[sources], target.batch[targets])
    assert sum(store.num_sampled_edges) == sources.numel()


def check_layers(batch: HeteroData, sample: Sample) -> None:
    """Each layer holds the edges into the copies it updates, as `RelationPlan` sorts them."""
    hops = sample.layout.num_hops
    assert len(batch.layers) == hops
    for depth, layer in enumerate(batch.layers):
        names = batch.node_types
        reach = {n: sum(batch[n].num_sampled_nodes[: hops + 1 - depth]) for n in names}
        inner = {n: sum(batch[n].num_sampled_nodes[: hops - depth]) for n in names}
        assert (layer["num_src"], layer["num_dst"]) == (reach, inner)
        first, expected = dict(zip(names, np.cumsum([0, *reach.values()]).tolist())), []
        for edge_type in sample.layout.edge_types:
            sources, targets = batch[edge_type].edge_index
            for target in range(inner[edge_type[2]]):
                expected.append((sources[targets == target] + first[edge_type[0]]).tolist())
        assert pieces(layer["ptr"], layer["src"]) == expected
        assert {layer[name].dtype for name in ("src", "ptr")} == {torch.int32}


@pytest.fixture(scope="module")
def league() -> World:
    """Players, matches and results, with players who mentor players."""
    random = np.random.default_rng(1)
    dates = np.sort(random.integers(0, 500, 60))
    match = np.sort(random.integers(0, 60, 400))
    return World(
        {"match": 60, "player": 30, "result": 400},
        {"match": dates, "player": None, "result": dates[match]},
        [
            ("result", "match", "match", match),
            ("result", "player", "player", random.integers(0, 30, 400)),
            ("player", "mentor", "player", random.integers(-1, 30, 30)),
        ],
    )


def test_layers_shrink_towards_the_seeds(league: World) -> None:
    until = torch.full((12,), 400)
    sample = sampled(league, "player", torch.arange(12), until, [4, 3, 2])
    batch = make_batch(sample, league.graph(), until)
    sizes = [len(layer["src"]) for layer in batch.layers]
    assert sizes == [sample.num_edges[:, :hops].sum() for hops in (3, 2, 1)]
    assert sizes[0] > 2 * sizes[1] > 4 * sizes[2] > 0
    check_layers(batch, sample)


def test_pyg_models_run_on_batches(league: World) -> None:
    until = torch.full((30,), 400)
    sample = sampled(league, "player", torch.arange(30), until, [-1])
    batch = make_batch(sample, league.graph(), until)
    torch.manual_seed(0)
    x = {name: torch.randn(size, 4) for name, size in league.sizes.items()}
    convs = {e: SAGEConv((4, 4), 5, aggr="sum") for e in batch.edge_types}
    model = HeteroConv(convs, aggr="sum")
    out = model({n: x[n][batch[n].n_id] for n in batch.node_types}, batch.edge_index_dict)
    whole = {}
    for e in batch.edge_types:
        pairs = [
            (source, row)
            for row in range(league.sizes[e[2]])
            for source in league.candidates(e, row, 400, "inclusive", None)
        ]
        whole[e] = torch.tensor(pairs).T
    assert torch.allclose(out["player"][:30], model(x, whole)["player"], atol=1e-5)


def test_a_batch_moves_whole(league: World) -> None:
    until = torch.full((5,), 400)
    sample = sampled(league, "player", torch.arange(5), until, [3, 3])
    features = {name: Numbers(0) for name in league.sizes}
    moved = make_batch(sample, league.graph(), until, features).to("meta")
    assert moved["result"].rel_time.device.type == "meta"
    assert moved["result"].columns["numerical"].device.type == "meta"
    assert moved.layers[1]["src"].device.type == "meta"
    assert moved.layers[1]["num_dst"]["player"] == 5
