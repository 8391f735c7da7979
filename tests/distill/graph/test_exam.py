"""Test labels stay under seal until the one report."""

from __future__ import annotations

import pytest
import torch

from hgl.datasets.cpf import split
from hgl.distill.graph.exam import Exam
from hgl.errors import ConfigError, LeakageError
from tests.distill.graph.made_graph import made_graph

GRAPH = made_graph()


def exam() -> Exam:
    return Exam(GRAPH, split(GRAPH.y, 0))


def test_labels_show_all_but_those_for_test():
    made, y = exam(), torch.from_numpy(GRAPH.y)
    assert (made.labels[made.test] == -1).all()
    for nodes in (made.train, made.val):
        assert torch.equal(made.labels[nodes], y[nodes])
    assert (GRAPH.y >= 0).all()


def test_a_report_marks_by_hand_and_by_part():
    made, y = exam(), torch.from_numpy(GRAPH.y)
    first, rest = made.test[:10], made.test[10:]
    half = y.clone()
    half[first[:5]] = -1
    marks = made.report({"all": y, "half": half}, {"first": first, "rest": rest})
    assert marks == {"all": {"first": 1, "rest": 1}, "half": {"first": 0.5, "rest": 1}}
    assert (made.labels[made.test] == -1).all()


def test_there_is_no_second_report():
    made, y = exam(), torch.from_numpy(GRAPH.y)
    made.report({"all": y}, {"test": made.test})
    with pytest.raises(LeakageError, match="one report per exam"):
        made.report({"all": y}, {"test": made.test})


def test_only_test_nodes_are_reported_and_a_mistake_breaks_no_seal():
    made, y = exam(), torch.from_numpy(GRAPH.y)
    with pytest.raises(ConfigError, match=r"parts\['val'\]: expected test nodes only"):
        made.report({"all": y}, {"val": made.val})
    assert made.report({"all": y}, {"test": made.test}) == {"all": {"test": 1}}
