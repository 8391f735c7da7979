"""A graph as somebody may see it: all of it, or without the nodes hidden from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from hgl.datasets.cpf import CitationGraph
from hgl.errors import ConfigError
from hgl.ops import Segments, weighted_segment_sum


@dataclass(frozen=True, eq=False)
class GraphView:
    """Nodes, their words and the links among them.

    Attributes:
        node_id: [n] int64, ascending: each row's node in the whole graph.
        words: segment i gathers the words of row i; sources are words.
        counts: [num_words_in_rows, 1] float32 count of each.
        edges: segment i gathers row i itself and its neighbours.
        mean: [num_edges, 1] float32 weights that average each segment.
        symmetric: [num_edges, 1] float32 1 / sqrt(size of both ends' segments), GCN's.
    """

    node_id: Tensor
    words: Segments
    counts: Tensor
    edges: Segments
    mean: Tensor
    symmetric: Tensor

    @classmethod
    def of(cls, graph: CitationGraph, *, without: np.ndarray | None = None) -> GraphView:
        """See a graph, but for the nodes `without` and their links.

        Args:
            without: positions in the graph; None for none.
        """
        seen = np.ones(graph.num_nodes, dtype=bool)
        if without is not None:
            seen[without] = False
        nodes = np.flatnonzero(seen)
        row = np.cumsum(seen) - 1
        links = row[graph.edge_index[:, seen[graph.edge_index].all(0)]]
        return cls._built(nodes, graph.words[nodes], links)

    @classmethod
    def _built(cls, nodes: np.ndarray, words: sparse.csr_matrix, links: np.ndarray) -> GraphView:
        own = np.arange(len(nodes))
        both = np.concatenate([links, np.stack([own, own])], axis=1)
        source, target = torch.from_numpy(both[:, np.lexsort(both)])
        edges = Segments.from_edge_index(torch.stack([source, target]), len(nodes), len(nodes))
        bag = Segments(
            torch.from_numpy(words.indices), torch.from_numpy(words.indptr), words.shape[1]
        )
        size = edges.degree
        return cls(
            node_id=torch.from_numpy(nodes),
            words=bag,
            counts=torch.from_numpy(words.data)[:, None],
            edges=edges,
            mean=1 / size[target],
            symmetric=(size[source] * size[target]).rsqrt(),
        )

    @property
    def num_nodes(self) -> int:
        """n."""
        return len(self.node_id)

    def spread(self, h: Tensor, weight: Tensor | None = None) -> Tensor:
        """Sum [n, channels] over each node and its neighbours, by `mean` or another weight."""
        weight = self.mean if weight is None else weight
        return weighted_segment_sum(h[:, None], weight, self.edges)[:, 0]

    def rows(self, nodes: Tensor | np.ndarray) -> Tensor:
        """Rows [k] of nodes [k], numbered as in the whole graph.

        Raises: ConfigError: one of them is not seen.
        """
        return found_in(self.node_id, torch.as_tensor(nodes))


def found_in(node_id: Tensor, nodes: Tensor) -> Tensor:
    """Places [k] of nodes [k] in an ascending list. Raises: ConfigError: one is not there."""
    place = torch.searchsorted(node_id, nodes).clamp(max=max(len(node_id) - 1, 0))
    absent = nodes[node_id[place] != nodes] if len(node_id) else nodes
    if len(absent):
        raise ConfigError(f"nodes: {int(absent[0])} is not among the {len(node_id)} nodes known")
    return place
