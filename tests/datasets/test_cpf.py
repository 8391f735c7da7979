"""CPF's files, of a tiny graph by hand and of the real ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from hgl.datasets.cpf import cpf, hidden, split
from hgl.errors import ConfigError, SourceError

# Node 0 stands alone, 5 and 6 are a component of their own; 3 -> 3 is a loop, 1 - 2 is there both
# ways, 2 -> 1 twice over (its weight is 2).
LINKS = [(1, 2, 1.0), (2, 1, 2.0), (3, 3, 1.0), (4, 2, 1.0), (3, 4, 1.0), (5, 6, 1.0)]
WORDS = [(0, 0), (1, 0), (1, 2), (3, 1), (6, 2)]


def write(folder: Path, **changed: np.ndarray | None) -> Path:
    """The tiny set as `tiny.npz`; a keyword replaces an array, None drops it."""
    source, target, weight = zip(*LINKS)
    links = sparse.csr_matrix((weight, (source, target)), shape=(7, 7))
    words = sparse.csr_matrix((np.ones(5), tuple(zip(*WORDS))), shape=(7, 3))
    arrays: dict[str, np.ndarray | None] = {"labels": np.array([0, 0, 1, 0, 2, 1, 1], np.int8)}
    for name, matrix in (("adj", links), ("attr", words)):
        parts = {p: getattr(matrix, p) for p in ("data", "indices", "indptr", "shape")}
        arrays |= {f"{name}_{p}": np.asarray(value) for p, value in parts.items()}
    kept = {k: v for k, v in (arrays | changed).items() if v is not None}
    np.savez(folder / "tiny.npz", **kept)
    return folder


def test_a_tiny_set_by_hand(tmp_path: Path):
    graph = cpf("tiny", write(tmp_path))
    assert graph.node_id.tolist() == [1, 2, 3, 4]
    assert graph.words.toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert graph.y.tolist() == [0, 1, 0, 2]
    assert (graph.num_nodes, graph.num_classes) == (4, 3)
    # 1 - 2, 2 - 4 and 3 - 4, renumbered, both ways and sorted by target.
    assert graph.edge_index.T.tolist() == [[1, 0], [0, 1], [3, 1], [3, 2], [1, 3], [2, 3]]


@pytest.mark.parametrize(
    ("name", "nodes", "links", "words", "classes", "sizes"),
    [
        ("cora", 2485, 5069, 1433, 7, (140, 210, 2135)),
        ("citeseer", 2110, 3668, 3703, 6, (120, 180, 1810)),
    ],
)
def test_the_real_sets(
    shared_data: Path,
    name: str,
    nodes: int,
    links: int,
    words: int,
    classes: int,
    sizes: tuple[int, int, int],
):
    graph = cpf(name, shared_data / "cpf")
    assert graph.words.shape == (nodes, words)
    assert graph.edge_index.shape == (2, 2 * links)
    assert graph.num_classes == classes
    drawn = split(graph.y, 0)
    assert (len(drawn.train), len(drawn.val), len(drawn.test)) == sizes
    assert len(hidden(drawn.test, 0)) == sizes[2] // 5


@given(st.integers(0, 1000), st.lists(st.integers(0, 2), min_size=30, max_size=60))
def test_a_split_holds_each_node_once_and_each_class_alike(seed: int, more: list[int]):
    y = np.array([0, 1, 2] * 7 + more)
    drawn = split(y, seed, train=2, val=3)
    together = np.concatenate([drawn.train, drawn.val, drawn.test])
    assert np.array_equal(np.sort(together), np.arange(len(y)))
    assert np.bincount(y[drawn.train]).tolist() == [2, 2, 2]
    assert np.bincount(y[drawn.val]).tolist() == [3, 3, 3]
    again = split(y, seed, train=2, val=3)
    assert np.array_equal(drawn.train, again.train)
    assert np.array_equal(drawn.val, again.val)
    away = hidden(drawn.test, seed, share=0.3)
    assert set(away) <= set(drawn.test)
    assert len(set(away)) == int(0.3 * len(drawn.test))


def test_seeds_draw_different_nodes():
    y = np.repeat([0, 1], 100)
    assert not np.array_equal(split(y, 0).train, split(y, 1).train)
    assert not np.array_equal(hidden(y, 0), hidden(np.arange(200), 1))


def test_a_class_that_is_too_small_is_named():
    with pytest.raises(ConfigError, match="class 1 has 4 nodes, expected at least 5"):
        split(np.array([0] * 9 + [1] * 4), 0, train=2, val=3)
    with pytest.raises(ConfigError, match="share=2"):
        hidden(np.arange(3), 0, share=2)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"labels": None}, "labels"),
        # An array of objects is a pickle.
        ({"labels": np.array([{}] * 7)}, "plain arrays"),
        ({"labels": np.zeros(6, np.int8)}, r"labels \(6,\)"),
        ({"labels": np.zeros(7)}, "labels are float64"),
        ({"labels": np.full(7, -1)}, "from 0"),
        ({"adj_shape": np.array([7, 8])}, "square adjacency"),
        ({"attr_indices": np.array([0, 0, 2, 1, 9])}, "attr_. are no CSR matrix"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, changed: dict[str, np.ndarray], named: str):
    with pytest.raises(SourceError, match=named):
        cpf("tiny", write(tmp_path, **changed))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hgl.db.unpacked._LARGE", 1 << 20)
    write(tmp_path)
    with (
        zipfile.ZipFile(tmp_path / "tiny.npz", "a", zipfile.ZIP_BZIP2) as archive,
        archive.open("more.npy", "w") as entry,
    ):
        np.save(entry, np.zeros(1 << 20))
    assert (tmp_path / "tiny.npz").stat().st_size < 1 << 13
    said = r"tiny\.npz has \d+ bytes and unpacks to \d+ or more; expected at most 1000 times"
    with pytest.raises(SourceError, match=said):
        cpf("tiny", tmp_path)


def test_an_array_that_claims_to_be_endless_is_refused(tmp_path: Path):
    write(tmp_path, labels=None)
    with (
        zipfile.ZipFile(tmp_path / "tiny.npz", "a") as archive,
        archive.open("labels.npy", "w") as entry,
    ):
        header = {"descr": "|i1", "fortran_order": False, "shape": (1 << 60,)}
        np.lib.format.write_array_header_1_0(entry, header)
    with pytest.raises(SourceError, match=r"tiny\.npz: expected an npz file"):
        cpf("tiny", tmp_path)


def test_no_file_and_no_archive(tmp_path: Path):
    with pytest.raises(SourceError, match=r"cora\.npz: expected an npz file"):
        cpf("cora", tmp_path)
    (tmp_path / "cora.npz").write_text("not an archive")
    with pytest.raises(SourceError, match=r"cora\.npz: expected an npz file"):
        cpf("cora", tmp_path)
