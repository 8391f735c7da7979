from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hgl.errors import CacheError, SchemaError
from hgl.graph.relations import (
    RelationStore,
    foreign_key_relations,
    relation_from_edges,
    write_relations,
)
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

LIKES = ("user", "likes", "item")


@given(
    edges=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(-2, 2))),
    timed=st.booleans(),
)
def test_edges_stand_by_target_then_time_then_source(
    edges: list[tuple[int, int, int]], timed: bool
) -> None:
    src, dst, time = np.array(edges, np.int64).reshape(-1, 3).T
    relation = relation_from_edges(
        LIKES, src, dst, num_src=6, num_dst=4, time=time if timed else None, edge_row=time + 10
    )
    expected = sorted((d, t if timed else 0, s) for s, d, t in edges)
    assert relation.row.tolist() == [s for _, _, s in expected]
    assert relation.row.dtype == relation.colptr.dtype == torch.int32
    assert relation.colptr.tolist() == [
        sum(d < target for d, _, _ in expected) for target in range(5)
    ]
    if timed:
        assert relation.time is not None
        assert relation.time.tolist() == [t for _, t, _ in expected]
        assert relation.edge_row is not None
        assert relation.edge_row.tolist() == [t + 10 for _, t, _ in expected]
    else:
        assert relation.time is None


def test_source_rows_beyond_32_bits() -> None:
    far = 2**31 + 5
    relation = relation_from_edges(
        LIKES, np.array([far, 1]), np.array([0, 0]), num_src=far + 1, num_dst=1
    )
    assert relation.row.dtype == torch.int64
    assert relation.row.tolist() == [1, far]


def test_a_foreign_key_both_ways() -> None:
    # Children 0..5: parents 1, none, 0, 1, 1 and 0; child 4 has no known time, nor has parent 0.
    forth, back = foreign_key_relations(
        "child",
        "key",
        "parent",
        np.array([1, -1, 0, 1, 1, 0]),
        num_parents=3,
        child_time=np.array([30, 5, 10, 20, UNKNOWN_TIME, STATIC_TIME]),
        parent_time=np.array([UNKNOWN_TIME, 1, 2]),
    )
    assert forth.edge_type == ("child", "f2p_key", "parent")
    assert forth.colptr.tolist() == [0, 0, 2, 2]
    assert forth.row.tolist() == [3, 0]
    assert forth.time is not None
    assert forth.time.tolist() == [20, 30]
    assert back.edge_type == ("parent", "rev_f2p_key", "child")
    assert back.colptr.tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert back.row.tolist() == [1, 1]
    assert back.time is None
    assert back.source_time is not None
    assert back.source_time.tolist() == [UNKNOWN_TIME, 1, 2]
    assert forth.num_hidden == back.num_hidden == 3


def test_static_sources_need_no_times() -> None:
    forth, back = foreign_key_relations(
        "child",
        "key",
        "parent",
        np.array([0]),
        num_parents=1,
        child_time=np.array([7]),
        parent_time=None,
    )
    assert forth.time is not None
    assert back.time is back.source_time is None


def test_rows_out_of_range() -> None:
    with pytest.raises(SchemaError, match=r"likes.*target rows 0 to 4, expected 0 to 3"):
        relation_from_edges(LIKES, np.array([0, 1]), np.array([0, 4]), num_src=6, num_dst=4)
    with pytest.raises(SchemaError, match=r"f2p_key.*rows 2 to 2, expected 0 to 1"):
        foreign_key_relations(
            "child",
            "key",
            "parent",
            np.array([2]),
            num_parents=2,
            child_time=None,
            parent_time=None,
        )


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    relation = relation_from_edges(
        ("a/b", "f2p_…", "c"), np.array([2, 0]), np.array([1, 1]), num_src=3, num_dst=2
    )
    times = {"a/b": None, "c": torch.tensor([4, 5])}
    write_relations(tmp_path / "store", {"a/b": 3, "c": 2}, times, [relation], visible_until=9)
    return tmp_path / "store"


def test_a_store_comes_back_from_disk_as_it_was(stored: Path) -> None:
    store = RelationStore.load(stored)
    assert store.num_nodes == {"a/b": 3, "c": 2}
    assert store.time["a/b"] is None
    assert store.time["c"] is not None
    assert store.time["c"].tolist() == [4, 5]
    (relation,) = store.relations.values()
    assert relation.edge_type == ("a/b", "f2p_…", "c")
    assert (relation.colptr.tolist(), relation.row.tolist()) == ([0, 0, 2], [0, 2])
    assert relation.time is None
    assert store.visible_until == 9


@pytest.mark.parametrize("damage", ["cut", "gone", "no index", "half an index", "other version"])
def test_a_damaged_store_is_refused(stored: Path, damage: str) -> None:
    index, array = stored / "index.json", stored / "relation-0-row.npy"
    if damage == "cut":
        array.write_bytes(array.read_bytes()[:-4])
    elif damage == "gone":
        array.unlink()
    elif damage == "no index":
        index.unlink()
    elif damage == "half an index":
        index.write_text(index.read_text()[:50])
    else:
        kept = json.loads(index.read_text())
        index.write_text(json.dumps(kept | {"version": kept["version"] + 1}))
    with pytest.raises(CacheError, match="store"):
        RelationStore.load(stored)
