"""Who sees what: planted leaks must change nothing that is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from hgl.datasets.cpf import CitationGraph, split
from hgl.distill.graph.exam import Exam
from hgl.distill.graph.lesson import Lesson
from hgl.distill.graph.positions import walk_positions
from hgl.distill.graph.protocol import (
    Classroom,
    CodeTarget,
    Mix,
    class_lesson,
    code_target,
    fit_student,
    fit_teacher,
    fit_tokenizer,
    student_answers,
    teacher_answers,
)
from hgl.distill.graph.selection import Schedule
from hgl.distill.graph.student import Student
from hgl.distill.graph.teacher import PageRankEncoder, SageEncoder, Teacher
from hgl.distill.graph.tokenizer import Reconstruction, Tokenizer
from hgl.nn.codebook import Codebook
from tests.distill.graph.made_graph import made_graph

SHORT = Schedule(epochs=16, every=5)
GRAPH = made_graph(nodes=360)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Sums of several threads differ in their last digits from run to run; here nothing may."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def taught(
    room: Classroom, encoder: type[SageEncoder | PageRankEncoder] = SageEncoder
) -> tuple[Teacher, Lesson]:
    torch.manual_seed(0)
    teacher = Teacher(encoder(30, 16), 3)
    fit_teacher(room, teacher, SHORT)
    return teacher, class_lesson(room, teacher)


def coded(room: Classroom) -> tuple[Tokenizer, CodeTarget]:
    torch.manual_seed(0)
    tokenizer = Tokenizer(SageEncoder(30, 16), 30, 3, Codebook(12, 8), Reconstruction())
    fit_tokenizer(room, tokenizer, SHORT)
    return tokenizer, code_target(room, tokenizer)


def learnt(
    room: Classroom, lesson: Lesson | None, codes: CodeTarget | None = None, *, places: int = 8
) -> tuple[Student, Tensor]:
    torch.manual_seed(0)
    student = Student(30, places, 16, 3, 8)
    position = walk_positions(room.seen, 8)[:, :places]
    mix = Mix(hard=0.5 if lesson else 1.0, codes=float(codes is not None))
    fit_student(room, student, position, lesson, SHORT, mix, codes)
    return student, student_answers(room, student, position)


def trained(graph: CitationGraph, *, inductive: bool) -> list[Tensor]:
    return products(Classroom.of(graph, 0, inductive=inductive))


def products(room: Classroom) -> list[Tensor]:
    """All that training produces: weights, soft labels and assignments."""
    teacher, lesson = taught(room)
    tokenizer, codes = coded(room)
    student, _ = learnt(room, lesson, codes)
    made = [p for m in (teacher, tokenizer, student) for p in m.state_dict().values()]
    return [*made, lesson.log_probs, codes.lesson.log_probs, codes.lesson.node_id]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_test_labels_do_not_reach_training():
    graph, room = made_graph(nodes=360), Classroom.of(GRAPH, 0, inductive=False)
    wrong = (graph.y[room.exam.test] + 1) % 3
    lied = graph.y.copy()
    lied[room.exam.test] = wrong
    # Drawn from the same labels, as the split depends on them, and sealed with other ones.
    exam = Exam(dataclasses.replace(graph, y=lied), split(graph.y, 0))
    lying = dataclasses.replace(room, exam=exam)
    assert same(products(room), products(lying))


@pytest.mark.parametrize("what", ["words", "links", "gone"])
def test_hidden_nodes_do_not_reach_training(what: str):
    room = Classroom.of(GRAPH, 0, inductive=True)
    away = room.hidden.numpy()
    assert len(away) == int(0.2 * len(room.exam.test))
    words, edges = GRAPH.words.toarray(), GRAPH.edge_index
    if what == "words":
        words[away] = 9
    elif what == "links":
        others = np.arange(GRAPH.num_nodes)
        more = np.stack([np.repeat(away, len(others)), np.tile(others, len(away))])
        edges = np.concatenate([edges, more, more[::-1]], axis=1)
    else:
        edges = edges[:, ~np.isin(edges, away).any(0)]
        words[away] = 0
    changed = dataclasses.replace(GRAPH, words=sparse.csr_matrix(words), edge_index=edges)
    assert same(trained(GRAPH, inductive=True), trained(changed, inductive=True))


def test_what_is_hidden_matters_where_nothing_is_hidden():
    away = Classroom.of(GRAPH, 0, inductive=True).hidden.numpy()
    words = GRAPH.words.toarray()
    words[away] = 9
    changed = dataclasses.replace(GRAPH, words=sparse.csr_matrix(words))
    assert not same(trained(GRAPH, inductive=False), trained(changed, inductive=False))


def test_assignments_are_keyed_by_node():
    room = Classroom.of(GRAPH, 0, inductive=True)
    _, codes = coded(room)
    order = torch.randperm(room.seen.num_nodes)
    shuffled = Lesson(codes.lesson.node_id[order], codes.lesson.log_probs[order])
    _, lesson = taught(room)
    first, _ = learnt(room, lesson, codes)
    second, _ = learnt(room, lesson, dataclasses.replace(codes, lesson=shuffled))
    assert same([*first.state_dict().values()], [*second.state_dict().values()])


def test_the_target_has_the_entropy_that_was_asked_for():
    room = Classroom.of(GRAPH, 0, inductive=False)
    _, codes = coded(room)
    assert codes.health.target_entropy == pytest.approx(0.45, abs=0.01)
    assert codes.lesson.log_probs.shape == (360, 12)


@pytest.mark.parametrize("inductive", [False, True])
@pytest.mark.parametrize("encoder", [SageEncoder, PageRankEncoder])
def test_everybody_beats_chance(inductive: bool, encoder: type[SageEncoder | PageRankEncoder]):
    room = Classroom.of(GRAPH, 0, inductive=inductive)
    teacher, lesson = taught(room, encoder)
    tokenizer, codes = coded(room)
    answers = {
        "teacher": teacher_answers(room, teacher),
        "tokenizer": teacher_answers(room, tokenizer),
        "MLP": learnt(room, None, places=0)[1],
        "codes": learnt(room, lesson, codes)[1],
    }
    parts = room.parts()
    assert [*parts] == (["seen", "hidden"] if inductive else ["seen"])
    assert sum(len(nodes) for nodes in parts.values()) == len(room.exam.test)
    marks = room.exam.report(answers, parts)
    assert all(share > 0.5 for mark in marks.values() for share in mark.values())
