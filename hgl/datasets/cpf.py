"""CPF's citation graphs (arXiv:2103.02885) as arrays; a graph, so not a database.

A set is `<name>.npz`, of which `cora`, `citeseer`, `pubmed`, `a-computer` and `a-photo` circulate:
a directed adjacency and word counts as CSR parts, and a class per node. What is learnt from is the
largest component, with links in both directions and no loops.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from hgl.db.unpacked import check_archive
from hgl.errors import ConfigError, SourceError, check_range

CSR = ("data", "indices", "indptr", "shape")
PARTS: tuple[str, ...] = (
    *(f"{matrix}_{part}" for matrix in ("adj", "attr") for part in CSR),
    "labels",
)


@dataclass(frozen=True, eq=False)
class NodeSplit:
    """Which nodes are for what: ascending positions in `CitationGraph.y`, no node in two.

    Attributes:
        train: some of each class.
        val: some others of each class.
        test: what is left.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False)
class CitationGraph:
    """A connected, undirected graph whose nodes have words and a class.

    Attributes:
        node_id: [n] int64, ascending: each node's row in the file.
        words: [n, num_words] sparse float32.
        edge_index: [2, e] int64 sources and targets, every link both ways, ascending by target and
            then by source; neither loops nor duplicates.
        y: [n] int64 classes, 0 and up.
        official: the split that comes with the graph; None: `split` draws one.
    """

    node_id: np.ndarray
    words: sparse.csr_matrix
    edge_index: np.ndarray
    y: np.ndarray
    official: NodeSplit | None = None

    @property
    def num_nodes(self) -> int:
        """n."""
        return len(self.y)

    @property
    def num_classes(self) -> int:
        """The largest class and 1."""
        return int(self.y.max()) + 1


def cpf(name: str, folder: Path | str) -> CitationGraph:
    """Read a set.

    Args:
        name: of the set: `cora`, `citeseer`.
        folder: that holds `<name>.npz`.
    Raises: SourceError: the file is absent, unpacks to more than its size allows, or its arrays are
        not what was expected.
    """
    path = Path(folder) / f"{name}.npz"
    parts = _parts(path)
    links, words = _matrix(path, parts, "adj"), _matrix(path, parts, "attr")
    labels = np.asarray(parts["labels"])
    if links.shape[0] != links.shape[1] or {words.shape[0], len(labels)} != {links.shape[0]}:
        raise SourceError(
            f"{path}: adjacency {links.shape}, words {words.shape}, labels {labels.shape}, "
            "expected as many rows in each, and a square adjacency"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or (len(labels) and labels.min() < 0):
        raise SourceError(f"{path}: labels are {labels.dtype}, expected one class per node, from 0")
    kept = _largest_component(links)
    edges = undirected(links[kept][:, kept])
    return CitationGraph(kept, words[kept], edges, labels[kept].astype(np.int64))


def split(y: np.ndarray, seed: int, *, train: int = 20, val: int = 30) -> NodeSplit:
    """Draw nodes of each class for training and validation; all others are for test.

    Args:
        y: [n] classes.
        seed: same seed, same nodes.
        train: nodes of each class.
        val: nodes of each class.
    Raises: ConfigError: a class has fewer nodes than that.
    """
    check_range("train", train, 1)
    check_range("val", val, 1)
    draws = np.random.default_rng(seed)
    known = list[tuple[np.ndarray, np.ndarray]]()
    for label in np.unique(y):
        mine = draws.permutation(np.flatnonzero(y == label))
        if len(mine) < train + val:
            raise ConfigError(
                f"train={train}, val={val}: class {label} has {len(mine)} nodes, expected at "
                f"least {train + val}"
            )
        known.append((mine[:train], mine[train : train + val]))
    first, second = (np.sort(np.concatenate(k)) for k in zip(*known, strict=True))
    rest = np.setdiff1d(np.arange(len(y)), np.concatenate([first, second]))
    return NodeSplit(first, second, rest)


def hidden(test: np.ndarray, seed: int, *, share: float = 0.2) -> np.ndarray:
    """Draw the test nodes that the inductive setting hides, with their links; ascending.

    Args:
        test: nodes, as in `NodeSplit`.
        seed: same seed, same nodes.
        share: of them, rounded down.
    Raises: ConfigError: `share` is out of range.
    """
    check_range("share", share, 0, 1)
    # Not the stream that drew the split.
    drawn = np.random.default_rng([seed, 1]).permutation(test)
    return np.sort(drawn[: int(share * len(test))])


def _parts(path: Path) -> dict[str, np.ndarray]:
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in PARTS}
    except SourceError:
        raise
    except (OSError, ValueError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"{path}: expected an npz file with plain arrays {', '.join(PARTS)} ({error})"
        ) from None


def _matrix(path: Path, parts: dict[str, np.ndarray], name: str) -> sparse.csr_matrix:
    data, indices, indptr, shape = (parts[f"{name}_{part}"] for part in CSR)
    try:
        matrix = sparse.csr_matrix((data.astype(np.float32), indices, indptr), shape=tuple(shape))
        matrix.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise SourceError(f"{path}: {name}_* are no CSR matrix ({error})") from None
    return matrix


def _largest_component(links: sparse.csr_matrix) -> np.ndarray:
    """Its nodes, ascending; of components of one size the one with the earliest node."""
    _, component = connected_components(links, directed=False)
    return np.flatnonzero(component == np.bincount(component).argmax())


def undirected(links: sparse.csr_matrix) -> np.ndarray:
    """Return [2, e] sources and targets of each link, both ways, by target and then by source."""
    both = (links + links.T).tocoo()
    pairs = np.stack([both.col, both.row]).astype(np.int64)
    pairs = pairs[:, pairs[0] != pairs[1]]
    return pairs[:, np.lexsort(pairs)]
