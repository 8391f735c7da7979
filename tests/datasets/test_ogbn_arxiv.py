"""OGB's files, of a tiny graph by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hgl.datasets.ogbn_arxiv import ogbn_arxiv
from hgl.distill.graph.protocol import Classroom
from hgl.errors import SourceError

FILES = {
    "raw/edge.csv.gz": "0,1\n1,0\n2,2\n3,1\n",
    "raw/node-feat.csv.gz": "0.5,-1\n0,2\n1,1\n0,0\n4,0\n",
    "raw/node-label.csv.gz": "0\n2\n1\n0\n1\n",
    "split/time/train.csv.gz": "3\n0\n",
    "split/time/valid.csv.gz": "2\n",
    "split/time/test.csv.gz": "4\n1\n",
}


def write(folder: Path, **changed: str) -> Path:
    """The tiny graph; a keyword, such as `edge`, replaces a file's text."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(changed.get(path.name.split(".")[0], text).encode()))
    return folder


def test_a_tiny_graph_by_hand(tmp_path: Path) -> None:
    graph = ogbn_arxiv(write(tmp_path))
    assert graph.words.toarray().tolist() == [[0.5, -1], [0, 2], [1, 1], [0, 0], [4, 0]]
    assert graph.y.tolist() == [0, 2, 1, 0, 1]
    assert graph.edge_index.T.tolist() == [[1, 0], [0, 1], [3, 1], [1, 3]]
    split = graph.official
    assert split is not None
    assert [p.tolist() for p in (split.train, split.val, split.test)] == [[0, 3], [2], [1, 4]]


def test_its_own_split_is_the_one_that_is_learnt_from(tmp_path: Path) -> None:
    room = Classroom.of(ogbn_arxiv(write(tmp_path)), 7, inductive=False)
    assert room.exam.train.tolist() == [0, 3]
    assert room.exam.labels.tolist() == [0, -1, 1, 0, -1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"edge": "0,5\n"}, "edge.csv.gz: expected nodes from 0 to 4"),
        ({"edge": "0,1,2\n"}, "edge.csv.gz: 3 columns, expected 2"),
        ({"edge": ""}, "expected a gzipped CSV file of numbers"),
        ({"node-label": "0\n1\n"}, "5 rows of features, 2 labels"),
        ({"node-label": "0\nx\n0\n0\n0\n"}, "expected a gzipped CSV file of numbers"),
        ({"node-label": "0\n-1\n0\n0\n0\n"}, "classes from 0"),
        ({"valid": "0\n"}, "expected no node in two splits"),
    ],
)
def test_what_is_no_such_folder(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        ogbn_arxiv(write(tmp_path, **changed))


def test_a_file_cut_short(tmp_path: Path) -> None:
    cut = write(tmp_path) / "raw" / "node-feat.csv.gz"
    cut.write_bytes(cut.read_bytes()[:-12])
    with pytest.raises(SourceError, match="expected a gzipped CSV file"):
        ogbn_arxiv(tmp_path)
    cut.unlink()
    with pytest.raises(SourceError, match="node-feat"):
        ogbn_arxiv(tmp_path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hgl.db.unpacked._LARGE", 1 << 20)
    bomb = write(tmp_path) / "raw" / "node-label.csv.gz"
    bomb.write_bytes(gzip.compress(b"0\n" * (1 << 23)))
    with pytest.raises(
        SourceError, match=r"node-label\.csv\.gz, as far as it was read, has \d+ bytes"
    ):
        ogbn_arxiv(tmp_path)
