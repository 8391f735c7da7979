"""Teachers against dense algebra."""

from __future__ import annotations

import torch

from hgl.distill.graph.positions import pagerank, pagerank_rows
from hgl.distill.graph.teacher import PageRankEncoder, SageEncoder, Teacher, WordLinear
from hgl.distill.graph.view import GraphView
from tests.distill.graph.made_graph import made_graph

GRAPH = made_graph()
VIEW = GraphView.of(GRAPH)
WORDS = torch.from_numpy(GRAPH.words.toarray())


def test_words_go_through_a_linear_layer():
    layer = WordLinear(30, 5)
    out = layer(VIEW)
    expected = WORDS @ layer.weight + layer.bias
    assert torch.allclose(out, expected, atol=1e-5)
    out.square().sum().backward()
    found = layer.weight.grad.clone()
    layer.weight.grad = None
    expected.square().sum().backward()
    assert torch.allclose(found, layer.weight.grad, rtol=1e-3, atol=1e-3)


def test_dropout_leaves_out_words_while_training_only():
    layer = WordLinear(30, 5, dropout=0.5)
    assert not torch.equal(layer(VIEW), layer(VIEW))
    assert torch.equal(layer.eval()(VIEW), layer(VIEW))


def test_sage_is_two_means_over_a_node_and_its_neighbours():
    encoder = SageEncoder(30, 8).eval()
    mean = VIEW.spread(torch.eye(VIEW.num_nodes))
    first = mean @ (WORDS @ encoder.first.weight + encoder.first.bias)
    assert torch.allclose(encoder(VIEW), mean @ first.relu(), atol=1e-5)


def test_pagerank_of_some_rows_is_that_of_all():
    teacher = Teacher(PageRankEncoder(30, 8), 3).eval()
    rows = torch.tensor([3, 90])
    hidden = (WORDS @ teacher.encoder.first.weight + teacher.encoder.first.bias).relu()
    assert torch.allclose(teacher(VIEW), teacher.head(pagerank(VIEW, hidden)), atol=1e-5)
    near = pagerank_rows(VIEW, rows)
    assert torch.allclose(teacher(VIEW, near), teacher(VIEW)[rows], atol=1e-5)
