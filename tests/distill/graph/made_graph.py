"""A small graph with classes that words and links both tell, made by a seed."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from hgl.datasets.cpf import CitationGraph


def made_graph(
    seed: int = 0, *, nodes: int = 240, num_classes: int = 3, num_words: int = 30
) -> CitationGraph:
    """Nodes on a ring, linked at random but mostly within their class; some words per class."""
    draws = np.random.default_rng(seed)
    y = draws.permutation(np.arange(nodes) % num_classes)
    alike = np.where(y[:, None] == y, 12 / nodes, 1 / nodes)
    near = draws.random((nodes, nodes)) < alike
    near[np.arange(nodes), np.arange(nodes) - 1] = True
    near |= near.T
    np.fill_diagonal(near, False)
    target, source = near.nonzero()
    own = np.arange(num_words) % num_classes == y[:, None]
    words = draws.random((nodes, num_words)) < np.where(own, 0.3, 0.1)
    words[np.arange(nodes), draws.integers(0, num_words, nodes)] = True
    return CitationGraph(
        node_id=np.arange(nodes),
        words=sparse.csr_matrix(words.astype(np.float32)),
        edge_index=np.stack([source, target]),
        y=y,
    )
