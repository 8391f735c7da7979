"""Losses of classes and codes: true divergences, of rows found by node."""

from __future__ import annotations

import math

import pytest
import torch

from hgl.distill.graph.lesson import Lesson, class_loss, code_loss
from hgl.distill.graph.view import GraphView
from hgl.errors import ConfigError
from hgl.nn.codebook import Codebook, Metric
from tests.distill.graph.made_graph import made_graph

VIEW = GraphView.of(made_graph())


def book(metric: Metric = "euclidean") -> Codebook:
    made = Codebook(12, 8, metric=metric)
    made(torch.randn(240, 8, generator=torch.Generator().manual_seed(0)))
    return made.eval()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_student_that_stands_where_the_teacher_stands_pays_nothing(metric: Metric):
    codes, places = book(metric), torch.randn(240, 8)
    lesson = Lesson(VIEW.node_id, codes.log_assignments(places, 2.0))
    assert float(code_loss(places, lesson, VIEW, codes, 2.0)) == pytest.approx(0, abs=1e-6)
    assert float(code_loss(-places, lesson, VIEW, codes, 2.0)) > 0.01


def test_a_student_that_knows_nothing_pays_log_of_the_classes_at_most():
    sure = torch.full((240, 5), -1e4)
    sure[:, 2] = 0
    found = class_loss(torch.zeros(240, 5), Lesson(VIEW.node_id, sure), VIEW)
    assert float(found) == pytest.approx(math.log(5), abs=1e-4)


def test_divergence_is_from_the_teacher_to_the_student():
    teacher, student = torch.randn(240, 4).softmax(1), torch.randn(240, 4).softmax(1)
    by_hand = sum(float(t * (t / s).log()) for t, s in zip(teacher.flatten(), student.flatten()))
    found = class_loss(student.log(), Lesson(VIEW.node_id, teacher.log()), VIEW)
    assert float(found) == pytest.approx(by_hand / 240, rel=1e-3)


def test_rows_are_found_by_node_in_whatever_order_they_are():
    said = torch.randn(240, 4).log_softmax(1)
    order = torch.randperm(240)
    logits, shuffled = torch.randn(240, 4), Lesson(VIEW.node_id[order], said[order])
    straight = Lesson(VIEW.node_id, said)
    assert torch.equal(class_loss(logits, shuffled, VIEW), class_loss(logits, straight, VIEW))
    nodes = torch.tensor([9, 3, 3])
    assert torch.equal(shuffled.of(nodes), said[nodes])


def test_a_node_nothing_is_said_of_is_named():
    with pytest.raises(ConfigError, match="7 is not among the 2 nodes"):
        Lesson(torch.tensor([8, 6]), torch.zeros(2, 3)).of(torch.tensor([6, 7]))
