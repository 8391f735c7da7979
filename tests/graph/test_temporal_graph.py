from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hgl.errors import CacheError, ConfigError, SchemaError
from hgl.graph.relations import RelationStore
from hgl.graph.temporal_graph import TemporalGraph
from tests.graph.worlds import World


@pytest.fixture
def store() -> RelationStore:
    world = World(
        {"visit": 4, "owner": 2, "pet": 3},
        {"visit": np.array([1, 2, 3, 4]), "owner": None, "pet": np.array([0, 1, 2])},
        [
            ("visit", "pet", "pet", np.array([0, 1, 2, 0])),
            ("pet", "owner", "owner", np.array([0, -1, 1])),
        ],
    )
    graph = world.graph()
    return RelationStore(graph.num_nodes, graph.time, graph.relations)


def test_types_are_sorted_and_every_relation_has_its_reverse(store: RelationStore) -> None:
    graph = TemporalGraph.from_store(store)
    nodes, edges = graph.metadata()
    assert nodes == ["owner", "pet", "visit"]
    assert edges == [
        ("owner", "rev_f2p_owner", "pet"),
        ("pet", "f2p_owner", "owner"),
        ("pet", "rev_f2p_pet", "visit"),
        ("visit", "f2p_pet", "pet"),
    ]
    assert graph.timed == ["pet", "visit"]


def test_a_graph_is_a_view_of_its_store(store: RelationStore) -> None:
    graph = TemporalGraph.from_store(store, node_types=["visit", "pet"])
    assert set(graph.edge_types) == {
        ("pet", "rev_f2p_pet", "visit"),
        ("visit", "f2p_pet", "pet"),
    }
    for edge_type, relation in graph.relations.items():
        assert relation is store.relations[edge_type]


def test_what_is_not_in_the_store_cannot_be_drawn(store: RelationStore) -> None:
    with pytest.raises(SchemaError, match=r"'vet'.*visit"):
        TemporalGraph.from_store(store, node_types=["vet"])
    edge_type = ("pet", "f2p_owner", "owner")
    with pytest.raises(SchemaError, match="f2p_owner"):
        TemporalGraph.from_store(store, node_types=["pet"], edge_types=[edge_type])


def test_saved_and_loaded(store: RelationStore, tmp_path: Path) -> None:
    graph = TemporalGraph.from_store(store)
    graph.save(tmp_path / "deep" / "graph")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["graph"]
    twin = TemporalGraph.load(tmp_path / "deep" / "graph")
    assert twin.metadata() == graph.metadata()
    assert twin.num_nodes == graph.num_nodes
    for edge_type, relation in graph.relations.items():
        for name, array in relation.arrays.items():
            again = twin.relations[edge_type].arrays[name]
            assert (array is None) == (again is None)
            assert array is None or torch.equal(array, again)
    for name, time in graph.time.items():
        assert time is None or torch.equal(time, twin.time[name])
    with pytest.raises(ConfigError, match="exists"):
        graph.save(tmp_path / "deep" / "graph")
    with pytest.raises(CacheError, match="nowhere"):
        TemporalGraph.load(tmp_path / "nowhere")


def test_features_come_from_the_provider(store: RelationStore) -> None:
    asked = []

    def provide(stats_until, hidden):  # type: ignore[no-untyped-def]
        asked.append((stats_until, hidden))
        return {"owner": "o", "pet": "p", "visit": "v"}

    graph = TemporalGraph.from_store(store, node_types=["pet", "owner"], provider=provide)
    assert graph.features_for(7, [("pet", "name")]) == {"owner": "o", "pet": "p"}
    assert asked == [(7, [("pet", "name")])]
    assert TemporalGraph.from_store(store).features_for(7) == {}


def test_moved_to_a_device(store: RelationStore) -> None:
    graph = TemporalGraph.from_store(store).to("meta")
    assert graph.device.type == "meta"
    assert {r.colptr.device.type for r in graph.relations.values()} == {"meta"}
    assert graph.time["owner"] is None
