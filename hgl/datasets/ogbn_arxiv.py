"""OGB's ogbn-arxiv (arXiv:2005.00687) as arrays, from the folder that its archive unpacks to."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from hgl.datasets.cpf import CitationGraph, NodeSplit, undirected
from hgl.db.unpacked import check_stream
from hgl.errors import SourceError

SPLITS = {"train": "train", "val": "valid", "test": "test"}
"""Of `NodeSplit`, and their files: papers until 2017, of 2018, and later ones."""


def ogbn_arxiv(folder: Path | str) -> CitationGraph:
    """Read the graph; its nodes keep their numbers, and its `official` split is by year.

    Args:
        folder: that holds `raw/edge.csv.gz`, `raw/node-feat.csv.gz`, `raw/node-label.csv.gz` and
            `split/time/*.csv.gz`.
    Raises: SourceError: a file is absent, unpacks to more than its size allows, or its
        numbers are not what was expected.
    """
    folder = Path(folder)
    y = _table(folder / "raw" / "node-label.csv.gz", np.int64, 1)[:, 0]
    words = _table(folder / "raw" / "node-feat.csv.gz", np.float32, None)
    if len(words) != len(y) or (len(y) and y.min() < 0):
        raise SourceError(
            f"{folder}: {len(words)} rows of features, {len(y)} labels; expected as many of each, "
            "and classes from 0"
        )
    ends = _nodes(folder / "raw" / "edge.csv.gz", 2, len(y))
    links = sparse.csr_matrix((np.ones(len(ends)), ends.T), shape=(len(y), len(y)))
    parts = {
        part: np.sort(_nodes(folder / "split" / "time" / f"{file}.csv.gz", 1, len(y))[:, 0])
        for part, file in SPLITS.items()
    }
    if len(np.unique(np.concatenate([*parts.values()]))) < sum(map(len, parts.values())):
        raise SourceError(f"{folder}: expected no node in two splits")
    return CitationGraph(
        np.arange(len(y)), sparse.csr_matrix(words), undirected(links), y, NodeSplit(**parts)
    )


def _nodes(path: Path, columns: int, count: int) -> np.ndarray:
    nodes = _table(path, np.int64, columns)
    if len(nodes) and not (nodes.min() >= 0 and nodes.max() < count):
        raise SourceError(f"{path}: expected nodes from 0 to {count - 1}")
    return nodes


def _table(path: Path, dtype: type, columns: int | None) -> np.ndarray:
    """Numbers of a file without a header, [rows, columns]."""
    check_stream(str(path), path)
    try:
        table = pd.read_csv(path, header=None, dtype=dtype).to_numpy()
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise SourceError(f"{path}: expected a gzipped CSV file of numbers ({error})") from None
    if columns is not None and table.shape[1] != columns:
        raise SourceError(f"{path}: {table.shape[1]} columns, expected {columns}")
    return table
