"""Views against dense matrices, and what hidden nodes leave behind: nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hgl.datasets.cpf import CitationGraph
from hgl.distill.graph.view import GraphView
from hgl.errors import ConfigError
from tests.distill.graph.made_graph import made_graph


def dense_links(graph: CitationGraph, kept: list[int]) -> Tensor:
    """[kept, kept] adjacency with each node's own link."""
    full = torch.eye(graph.num_nodes)
    full[graph.edge_index[1], graph.edge_index[0]] = 1
    return full[kept][:, kept]


@given(st.integers(0, 50), st.sets(st.integers(0, 39), max_size=20))
def test_a_view_is_the_graph_without_some_nodes(seed: int, away: set[int]):
    graph = made_graph(seed, nodes=40)
    kept = [node for node in range(40) if node not in away]
    view = GraphView.of(graph, without=np.array(sorted(away), dtype=np.int64))
    assert view.node_id.tolist() == kept
    links, size = dense_links(graph, kept), dense_links(graph, kept).sum(1)
    h = torch.randn(len(kept), 4)
    assert torch.allclose(view.spread(h), links @ h / size[:, None], atol=1e-5)
    even = links / (size[:, None] * size).sqrt()
    assert torch.allclose(view.spread(h, view.symmetric), even @ h, atol=1e-5)
    assert torch.equal(view.rows(torch.tensor(kept)), torch.arange(len(kept)))


def test_nodes_that_are_not_seen_have_no_row():
    view = GraphView.of(made_graph(), without=np.array([3, 239]))
    assert view.rows(np.array([4, 2])).tolist() == [3, 2]
    for nodes in ([3], [0, 239], [500]):
        with pytest.raises(ConfigError, match=f"{nodes[-1]} is not among the 238 nodes"):
            view.rows(np.array(nodes))
