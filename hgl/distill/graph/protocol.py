"""CPF's protocol: per seed, who sees which nodes; how each learns, and on what it is selected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from hgl.datasets.cpf import CitationGraph, hidden, split
from hgl.distill.graph.exam import Exam
from hgl.distill.graph.lesson import Lesson, class_loss, code_loss
from hgl.distill.graph.positions import neighbour_mean, pagerank_rows
from hgl.distill.graph.selection import Schedule, fit
from hgl.distill.graph.student import Student
from hgl.distill.graph.teacher import PageRankEncoder, Teacher
from hgl.distill.graph.tokenizer import Tokenizer
from hgl.distill.graph.view import GraphView
from hgl.nn.codebook import Codebook, CodebookHealth


@dataclass(frozen=True, eq=False)
class Classroom:
    """One seed of a graph.

    Attributes:
        exam: labels.
        seen: what all training sees: everything, or all but hidden nodes and their links.
        whole: everything, for answering only.
        hidden: [h] int64 test nodes that are not seen.
    """

    exam: Exam
    seen: GraphView
    whole: GraphView
    hidden: Tensor

    @classmethod
    def of(cls, graph: CitationGraph, seed: int, *, inductive: bool) -> Classroom:
        """Draw a seed's nodes, where none are official; `inductive` hides a fifth of test's."""
        drawn = graph.official or split(graph.y, seed)
        away = hidden(drawn.test, seed) if inductive else np.array([], dtype=np.int64)
        whole = GraphView.of(graph)
        seen = GraphView.of(graph, without=away) if inductive else whole
        return cls(Exam(graph, drawn), seen, whole, torch.from_numpy(away))

    def labelled(self, which: Tensor) -> tuple[Tensor, Tensor]:
        """Rows in `seen` of training or validation nodes, and their classes."""
        return self.seen.rows(which), self.exam.labels[which]

    def parts(self) -> dict[str, Tensor]:
        """Test nodes that were seen, and those that were not where there are any."""
        test = self.exam.test
        if not len(self.hidden):
            return {"seen": test}
        return {"seen": test[~torch.isin(test, self.hidden)], "hidden": self.hidden}


@dataclass(frozen=True, eq=False)
class CodeTarget:
    """What a student needs to learn codes.

    Attributes:
        lesson: soft assignments of the nodes seen.
        codebook: frozen, that of the teacher.
        tau: temperature of both sides.
        health: of the codebook on the nodes seen.
    """

    lesson: Lesson
    codebook: Codebook
    tau: float
    health: CodebookHealth


@dataclass(frozen=True)
class Mix:
    """Loss of a student: hard * CE + (1 - hard) * KL over classes + codes * KL over codes.

    Attributes:
        hard: share of the training nodes' labels, 0 to 1; 1 is no distillation.
        codes: weight of the codes; 0 for none.
    """

    hard: float = 0.0
    codes: float = 0.0


def fit_teacher(room: Classroom, teacher: Teacher, schedule: Schedule) -> float:
    """Train on labels; returns the validation accuracy that selected the epoch."""
    (train, known), (val, asked) = room.labelled(room.exam.train), room.labelled(room.exam.val)
    if isinstance(teacher.encoder, PageRankEncoder):
        near, far = pagerank_rows(room.seen, train), pagerank_rows(room.seen, val)
        return fit(
            teacher,
            lambda: cross_entropy(teacher(room.seen, near), known),
            lambda: teacher(room.seen, far),
            asked,
            schedule,
        )
    return fit(
        teacher,
        lambda: cross_entropy(teacher(room.seen)[train], known),
        lambda: teacher(room.seen)[val],
        asked,
        schedule,
    )


def fit_tokenizer(room: Classroom, tokenizer: Tokenizer, schedule: Schedule) -> float:
    """Train on labels and reconstruction; returns the validation accuracy that selected."""
    (train, known), (val, asked) = room.labelled(room.exam.train), room.labelled(room.exam.val)
    return fit(
        tokenizer,
        lambda: tokenizer.loss(room.seen, train, known),
        lambda: tokenizer(room.seen)[val],
        asked,
        schedule,
    )


@torch.no_grad()
def class_lesson(room: Classroom, teacher: Teacher) -> Lesson:
    """Soft labels of the nodes seen, from the links seen."""
    return Lesson(room.seen.node_id, teacher(room.seen).log_softmax(1))


@torch.no_grad()
def code_target(room: Classroom, tokenizer: Tokenizer) -> CodeTarget:
    """Soft assignments of the nodes seen, from the links seen."""
    places, book = tokenizer.places(room.seen), tokenizer.codebook
    tau = book.choose_tau(places)
    lesson = Lesson(room.seen.node_id, book.log_assignments(places, tau))
    return CodeTarget(lesson, book, tau, book.health(places, tau))


def fit_student(
    room: Classroom,
    student: Student,
    position: Tensor,
    taught: Lesson | None,
    schedule: Schedule,
    mix: Mix,
    codes: CodeTarget | None = None,
) -> float:
    """Train on one sum of losses; returns the validation accuracy that selected the epoch.

    Args:
        position: [seen nodes, channels]; see `hgl.distill.graph.positions`.
        taught: soft labels; None where `mix.hard` is 1.
        codes: None where `mix.codes` is 0.
    """
    (train, known), (val, asked) = room.labelled(room.exam.train), room.labelled(room.exam.val)

    def loss() -> Tensor:
        logits, places = student(room.seen, position)
        total = mix.hard * cross_entropy(logits[train], known)
        if taught is not None:
            total = total + (1 - mix.hard) * class_loss(logits, taught, room.seen)
        if codes is not None:
            cost = code_loss(places, codes.lesson, room.seen, codes.codebook, codes.tau)
            total = total + mix.codes * cost
        return total

    return fit(student, loss, lambda: student(room.seen, position)[0][val], asked, schedule)


@torch.no_grad()
def teacher_answers(room: Classroom, teacher: Teacher | Tokenizer) -> Tensor:
    """Classes [n] of all nodes; the links of hidden nodes are there only now."""
    return teacher(room.whole).argmax(1)


@torch.no_grad()
def student_answers(room: Classroom, student: Student, position: Tensor) -> Tensor:
    """Classes [n] of all nodes; a hidden node stands amid its neighbours."""
    everywhere = neighbour_mean(position, room.seen, room.whole)
    return student(room.whole, everywhere)[0].argmax(1)
