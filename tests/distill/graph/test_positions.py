"""Positions against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from hgl.distill.graph.positions import (
    RESTART,
    STEPS,
    WINDOW,
    label_positions,
    neighbour_mean,
    pagerank,
    pagerank_rows,
    walk_positions,
)
from hgl.distill.graph.view import GraphView
from tests.distill.graph.made_graph import made_graph


def spreading(view: GraphView, weight: Tensor) -> Tensor:
    return view.spread(torch.eye(view.num_nodes), weight)


def test_pagerank_is_its_power_series():
    view = GraphView.of(made_graph())
    step, h = (1 - RESTART) * spreading(view, view.symmetric), torch.randn(view.num_nodes, 3)
    power, total = torch.eye(view.num_nodes), torch.zeros(view.num_nodes, view.num_nodes)
    for _ in range(STEPS):
        total, power = total + RESTART * power, power @ step
    assert torch.allclose(pagerank(view, h), (total + power) @ h, atol=1e-5)


def test_rows_of_pagerank_spread_as_the_whole_does():
    view, rows = GraphView.of(made_graph()), torch.tensor([7, 0, 100])
    h = torch.randn(view.num_nodes, 3)
    assert torch.allclose(pagerank_rows(view, rows) @ h, pagerank(view, h)[rows], atol=1e-5)


def test_walk_positions_are_the_best_low_rank_of_how_often_walks_meet():
    view = GraphView.of(made_graph())
    step = spreading(view, view.mean).double()
    size = view.edges.degree[:, 0].double()
    meet = sum(torch.linalg.matrix_power(step, k) for k in range(1, WINDOW + 1))
    log = (meet * size.sum() / WINDOW / size).clamp(min=1).log()
    left, scale, right = torch.linalg.svd(log)
    best = (left[:, :16] * scale[:16]) @ right[:16]
    # What the found vectors span explains nearly as much as the best sixteen do.
    span, _ = torch.linalg.qr(walk_positions(view, 16).double())
    found = span @ span.T @ log
    assert (found - log).norm() < 1.1 * (best - log).norm()
    assert walk_positions(view, 16).std().item() == pytest.approx(1, abs=1e-3)


def test_walk_positions_are_the_same_every_time_and_leave_the_generator_alone():
    view = GraphView.of(made_graph())
    torch.manual_seed(5)
    first, after = walk_positions(view, 8), torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
    assert torch.equal(first, walk_positions(view, 8))


def test_label_positions_tell_the_class_of_most_nodes():
    graph = made_graph()
    view, rows = GraphView.of(graph), torch.arange(60)
    y = torch.from_numpy(graph.y)
    reached = label_positions(view, rows, y[rows], 3)
    assert torch.allclose(reached.sum(1), torch.ones(240), atol=1e-5)
    assert (reached.argmax(1) == y)[60:].float().mean() > 0.6


def test_an_unseen_node_stands_amid_its_seen_neighbours():
    graph = made_graph()
    away = np.array([5, 6, 200])
    seen, whole = GraphView.of(graph, without=away), GraphView.of(graph)
    known = torch.randn(seen.num_nodes, 3)
    placed = neighbour_mean(known, seen, whole)
    assert torch.equal(placed[seen.node_id], known)
    for node in away:
        near = graph.edge_index[0, graph.edge_index[1] == node]
        rows = seen.rows(np.setdiff1d(near, away))
        assert torch.allclose(placed[node], known[rows].mean(0), atol=1e-5)


def test_a_node_without_seen_neighbours_stands_at_zero():
    graph = made_graph()
    near = graph.edge_index[0, graph.edge_index[1] == 5]
    seen = GraphView.of(graph, without=np.append(near, 5))
    placed = neighbour_mean(torch.ones(seen.num_nodes, 2), seen, GraphView.of(graph))
    assert placed[5].tolist() == [0, 0]
