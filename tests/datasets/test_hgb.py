"""HGB's files, of a tiny set by hand and of the real ones."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.datasets import HGBDataset

from hgl.datasets.hgb import hgb, labelled_type, with_validation
from hgl.errors import ConfigError, SchemaError, SourceError
from hgl.typing import reverse_of

LINKS = {
    "0": {"start": "0", "end": "1", "meaning": "movie-actor"},
    "1": {"start": "1", "end": "0", "meaning": "actor-movie"},
    "2": {"start": 0, "end": 2, "meaning": "movie-tag"},
    "3": {"start": 0, "end": 0, "meaning": "movie-sequel-movie"},
    "4": {"start": 0, "end": 0, "meaning": "movie-prequel-movie"},
    "5": {"start": 0, "end": 0, "meaning": "movie-remake-movie"},
}
INFO = {
    # Types are not in alphabetical order, and the attribute counts are wrong, as in DBLP.
    "node.dat": {
        "node type": {"0": "movie", "1": "actor", "2": "tag"},
        "Attribute Dimension": {"0": "0", "1": "7", "2": "3"},
    },
    "link.dat": {"link type": LINKS},
    "label.dat": {"node type": {"0": {"0": "drama", "1": "comedy"}}},
}
FILES = {
    "info.dat": json.dumps(INFO),
    # Movies are 0, 2, 5, 6 and actors 1, 4. Quotes and digits are part of names.
    "node.dat": '0\t"Up\t0\t1,0\n1\tÉmile\t1\n2\t9,9\t0\t0.5,2\n3\tfun\t2\t1,0,1\n'
    "4\tZoe\t1\n5\tIt's\t0\t0,1\n6\tHer\t0\t-1,10\n",
    "link.dat": "0\t1\t0\t1.0\r\n2\t1\t0\t1.0\r\n5\t4\t0\t1.0\r\n"
    "4\t5\t1\t1.0\r\n1\t2\t1\t1.0\r\n1\t0\t1\t1.0\r\n"
    "2\t3\t2\t1.0\r\n0\t2\t3\t1.0\r\n2\t0\t4\t1.0\r\n0\t2\t5\t1.0\r\n",
    "label.dat": "5\tIt's\t0\t1\n0\tUp\t0\t0\n",
    "label.dat.test": "2\tnine\t0\t1\n",
}


def write(folder: Path, name: str = "FILM", **changed: str | None) -> Path:
    """A set as a zip with what macOS leaves in one; `link_dat=…` replaces a file, None drops it."""
    files = FILES | {k.replace("_", "."): v for k, v in changed.items()}
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        archive.writestr(f"__MACOSX/{name}/._node.dat", b"\x00\x05\x16\x07")
        archive.writestr(f"{name}/.DS_Store", b"\x00\x00\x00\x01Bud1")
        for file, text in files.items():
            if text is not None:
                archive.writestr(f"{name}/{file}", text)
    return folder


def test_a_tiny_set_by_hand(tmp_path: Path):
    data = hgb("FILM", write(tmp_path), val_share=0.5)
    assert data.node_types == ["actor", "movie", "tag"]
    assert data["movie"].x.tolist() == [[1, 0], [0.5, 2], [0, 1], [-1, 10]]
    assert data["tag"].x.tolist() == [[1, 0, 1]]
    assert data["actor"].num_nodes == 2
    assert "x" not in data["actor"]
    assert labelled_type(data) == "movie"
    assert data["movie"].y.tolist() == [0, 1, 1, -1]
    assert data["movie"].test_mask.tolist() == [False, True, False, False]
    train, val = data["movie"].train_mask, data["movie"].val_mask
    assert (train | val).tolist() == [True, False, True, False]
    assert int(train.sum()) == int(val.sum()) == 1
    assert data.validate()


def test_each_relation_is_there_once_each_way(tmp_path: Path):
    data = hgb("FILM", write(tmp_path))
    edges = {e: data[e].edge_index.tolist() for e in data.edge_types}
    assert list(edges) == sorted(edges)
    forward = {
        ("movie", "movie-actor", "actor"): [[0, 1, 2], [0, 0, 1]],
        ("movie", "movie-remake-movie", "movie"): [[0], [1]],
        ("movie", "movie-sequel-movie", "movie"): [[0], [1]],
        ("movie", "movie-tag", "tag"): [[1], [0]],
    }
    assert edges == forward | {reverse_of(e): ends[::-1] for e, ends in forward.items()}


def test_links_the_other_way_are_a_reverse_only_if_they_are_the_same_links(tmp_path: Path):
    other = FILES["link.dat"].replace("1\t0\t1\t1.0", "1\t5\t1\t1.0")
    data = hgb("FILM", write(tmp_path, link_dat=other))
    assert data["actor", "actor-movie", "movie"].edge_index.tolist() == [[1, 0, 0], [2, 1, 2]]
    assert len(data.edge_types) == 10


def test_a_folder_reads_like_its_archive(tmp_path: Path):
    zipped = hgb("FILM", write(tmp_path))
    with zipfile.ZipFile(tmp_path / "FILM.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert str(hgb("FILM", str(tmp_path / "unpacked"))) == str(zipped)


def test_pyg_reads_the_same(tmp_path: Path):
    """Nodes, labels and links; PyG's reader wants its own folders and names."""
    ours = hgb("ACM", write(tmp_path, "ACM"), val_share=0)
    with zipfile.ZipFile(tmp_path / "ACM.zip") as archive:
        archive.extractall(tmp_path / "acm" / "raw")
    theirs = HGBDataset(str(tmp_path), "ACM")[0]
    for node_type in theirs.node_types:
        for key, value in theirs[node_type].items():
            assert torch.equal(torch.as_tensor(ours[node_type][key]), torch.as_tensor(value)), key
    for (source, label, target), edges in theirs.edge_index_dict.items():
        name = f"{source}-{target}" if label == "to" else f"{source}-{label}-{target}"
        if name not in ("actor-movie", "movie-prequel-movie"):
            assert torch.equal(ours[source, name, target].edge_index, edges)


def test_a_seed_decides_the_validation_labels(tmp_path: Path):
    labels = "".join(f"{node}\tname\t0\t{node % 2}\n" for node in (0, 2, 5, 6))
    data = hgb("FILM", write(tmp_path, label_dat=labels, label_dat_test=""))
    drawn = [with_validation(data, share=0.5, seed=seed)["movie"] for seed in range(20)]
    assert {int(store.val_mask.sum()) for store in drawn} == {2}
    assert all(bool((store.val_mask ^ store.train_mask).all()) for store in drawn)
    assert len({tuple(store.val_mask.tolist()) for store in drawn}) == 6
    again = with_validation(with_validation(data, share=0.5, seed=7), share=0.5, seed=3)["movie"]
    assert torch.equal(again.val_mask, drawn[3].val_mask)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"info_dat": "not JSON"}, SourceError, "info.dat: expected JSON"),
        ({"info_dat": "{}"}, SourceError, "node type"),
        ({"node_dat": None}, SourceError, "node.dat is missing"),
        ({"link_dat": None}, SourceError, "link.dat is missing"),
        ({"label_dat": None}, SourceError, "label.dat is missing"),
        ({"node_dat": "0\tUp\n"}, SourceError, "node.dat, line 1: 2 fields, expected 3 to 4"),
        ({"node_dat": "0\tUp\t9\n"}, SourceError, "line 1: '9', expected one of 0 to 2"),
        ({"node_dat": "0\tUp\t0\t1,a\n"}, SourceError, "line 1: expected attributes as numbers"),
        ({"node_dat": "0\tUp\t0\n0\tUp\t0\n"}, SourceError, "ids 0 to 1, each once"),
        (
            {"node_dat": FILES["node.dat"].replace("0.5,2", "0.5")},
            SourceError,
            r"type 'movie' have \[1, 2\] attributes",
        ),
        (
            {"node_dat": FILES["node.dat"].replace("\t0.5,2", "")},
            SourceError,
            r"type 'movie' have \[0, 2\] attributes",
        ),
        ({"link_dat": "0\tone\t0\t1.0\n"}, SourceError, "expected source, target, type and weight"),
        ({"link_dat": "0\t7\t0\t1.0\n"}, SourceError, "expected node ids from 0 to 6"),
        ({"link_dat": "0\t1\t6\t1.0\n"}, SourceError, "type 6 is not in info.dat"),
        ({"link_dat": "1\t0\t0\t1.0\n"}, SourceError, "type 0 expected from 'movie' to 'actor'"),
        (
            {"label_dat": "0\tUp\t0\t0,1\n"},
            SourceError,
            "label.dat, line 1: '0,1', expected a whole",
        ),
        ({"label_dat": "9\tUp\t0\t0\n"}, SourceError, "line 1: '9', expected one of 0 to 6"),
        (
            {"label_dat": "2\tnine\t0\t1\n"},
            SourceError,
            "node 2 is in label.dat and label.dat.test",
        ),
        ({"label_dat": "1\tÉmile\t1\t1\n"}, SchemaError, r"types \['movie', 'actor'\]"),
        ({"label_dat": "", "label_dat_test": ""}, SchemaError, r"types \[\], expected"),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, changed: dict[str, str | None], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        hgb("FILM", write(tmp_path, **changed))


def test_a_set_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(SourceError, match=r"expected ACM\.zip or ACM/info\.dat there"):
        hgb("ACM", tmp_path)
    write(tmp_path, "FILM").joinpath("FILM.zip").rename(tmp_path / "ACM.zip")
    with pytest.raises(SourceError, match=r"expected an entry ACM/info\.dat"):
        hgb("ACM", tmp_path)
    (tmp_path / "DBLP.zip").write_bytes(b"not an archive")
    with pytest.raises(SourceError, match="not a zip file"):
        hgb("DBLP", tmp_path)


def test_a_share_is_a_share(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"val_share=1\.5: expected 0 to 1"):
        hgb("FILM", write(tmp_path), val_share=1.5)


def counts(data: HeteroData) -> dict[str, tuple[int, int]]:
    return {t: (data[t].num_nodes, data[t].num_node_features) for t in data.node_types}


def check_real(
    data: HeteroData, target: str, classes: int, labels: tuple[int, int], links: int
) -> None:
    store = data[target]
    train, test = int((store.train_mask | store.val_mask).sum()), int(store.test_mask.sum())
    assert (train, test) == labels
    assert int(store.val_mask.sum()) == labels[0] // 5
    assert not (store.test_mask & (store.train_mask | store.val_mask)).any()
    assert np.unique(store.y).tolist() == list(range(classes))
    assert sum(data[e].edge_index.shape[1] for e in data.edge_types) == links
    assert all(reverse_of(e) in data.edge_types for e in data.edge_types)


def test_the_real_acm(shared_data: Path):
    data = hgb("ACM", shared_data / "hgb")
    assert counts(data) == {
        "author": (5959, 1902),
        "paper": (3025, 1902),
        "subject": (56, 1902),
        "term": (1902, 0),
    }
    assert len(data.edge_types) == 8
    check_real(data, "paper", 3, (907, 2118), 547_872)


def test_the_real_dblp(shared_data: Path):
    data = hgb("DBLP", shared_data / "hgb")
    assert counts(data) == {
        "author": (4057, 334),
        "paper": (14328, 4231),
        "term": (7723, 50),
        "venue": (20, 0),
    }
    assert len(data.edge_types) == 6
    check_real(data, "author", 4, (1217, 2840), 239_566)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hgl.db.unpacked._LARGE", 1 << 20)
    write(tmp_path)
    with zipfile.ZipFile(tmp_path / "FILM.zip", "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("FILM/more.dat", bytes(1 << 22))
    assert (tmp_path / "FILM.zip").stat().st_size < 1 << 12
    said = r"FILM\.zip has \d+ bytes and unpacks to \d+ or more; expected at most 1000 times"
    with pytest.raises(SourceError, match=said):
        hgb("FILM", tmp_path)
