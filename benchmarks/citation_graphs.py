"""Students of citation graphs: what codes, positions and soft labels earn, CPF protocol.

    python benchmarks/citation_graphs.py [--data ../shared/data/cpf] [--sets cora citeseer]
    python benchmarks/citation_graphs.py --inductive
    python benchmarks/citation_graphs.py --data FOLDER --sets ogbn_arxiv
    python benchmarks/citation_graphs.py --parts
    python benchmarks/citation_graphs.py --validation --seeds 100 101 102 103 104

A seed draws 20 nodes of each class for training, 30 for validation and leaves the rest for test; it
also decides weights and dropout. Validation accuracy selects the epoch; test labels are read once a
seed, for all rows of the table at once. `--inductive` hides a fifth of the test nodes with their
links from all training; `production` is 0.8 of the accuracy on seen test nodes and 0.2 of that on
hidden ones. `--parts` leaves out parts of the student with positions and codes, or adds some.
`--validation` reads no test label, for choosing settings on other seeds than those reported.

Reference (quoted, transductive): VQGraph 83.93 on Cora, 76.08 on Citeseer, selected on test; GLNN
80.26 and 71.22.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from hgl.datasets.cpf import CitationGraph, cpf
from hgl.datasets.ogbn_arxiv import ogbn_arxiv
from hgl.distill.graph.lesson import Lesson
from hgl.distill.graph.positions import label_positions, walk_positions
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

CHANNELS, CODE_CHANNELS = 64, 32
NUM_CODES = 64
DROPOUT = 0.5
POSITION_SCALE = 0.3
SAGE = Schedule(weight_decay=5e-4, epochs=150, patience=30)
PAGERANK = Schedule(weight_decay=1e-2, epochs=150, patience=30)
STUDENT = Schedule(weight_decay=5e-4, epochs=150, patience=30)
CODES = 0.1


class Lessons:
    """One seed: each row of the table is trained once, and answers once."""

    def __init__(self, graph: CitationGraph, seed: int, *, inductive: bool) -> None:
        self.graph, self.seed = graph, seed
        self.room = Classroom.of(graph, seed, inductive=inductive)
        self.answers = dict[str, Tensor]()
        self.val = dict[str, float]()
        self.none = torch.zeros(self.room.seen.num_nodes, 0)

    def teacher(
        self, name: str, encoder: type[SageEncoder | PageRankEncoder], how: Schedule
    ) -> Lesson:
        """Train a teacher on labels; what it says of the nodes seen."""
        torch.manual_seed(self.seed)
        words, classes = self.graph.words.shape[1], self.graph.num_classes
        teacher = Teacher(encoder(words, CHANNELS, dropout=DROPOUT), classes)
        self.val[name] = fit_teacher(self.room, teacher, how)
        self.answers[name] = teacher_answers(self.room, teacher)
        return class_lesson(self.room, teacher)

    def codes(self, name: str, told: Reconstruction) -> CodeTarget:
        """Train a tokenizer; the codes of the nodes seen."""
        torch.manual_seed(self.seed)
        words, classes = self.graph.words.shape[1], self.graph.num_classes
        book = Codebook(NUM_CODES, CODE_CHANNELS, decay=0.8, expire_below=0.2, seed=self.seed)
        encoder = SageEncoder(words, CHANNELS, dropout=DROPOUT)
        tokenizer = Tokenizer(encoder, words, classes, book, told)
        self.val[name] = fit_tokenizer(self.room, tokenizer, SAGE)
        self.answers[name] = teacher_answers(self.room, tokenizer)
        return code_target(self.room, tokenizer)

    def student(
        self,
        name: str,
        taught: Lesson | None,
        position: Tensor,
        codes: CodeTarget | None = None,
    ) -> None:
        """Train a student; on hard labels where no teacher is given."""
        torch.manual_seed(self.seed)
        student = Student(
            self.graph.words.shape[1],
            position.shape[1],
            CHANNELS,
            self.graph.num_classes,
            CODE_CHANNELS,
            dropout=DROPOUT,
            word_dropout=DROPOUT,
        )
        mix = Mix(hard=float(taught is None), codes=CODES if codes else 0.0)
        self.val[name] = fit_student(self.room, student, position, taught, STUDENT, mix, codes)
        self.answers[name] = student_answers(self.room, student, position)


def one_seed(lessons: Lessons, place: Tensor, *, parts: bool) -> CodeTarget:
    """Train all rows of one seed, given the positions of the nodes seen."""
    lessons.student("MLP", None, lessons.none)
    sage = lessons.teacher("SAGE", SageEncoder, SAGE)
    taught = lessons.teacher("teacher (PageRank)", PageRankEncoder, PAGERANK)
    lessons.student("GLNN", taught, lessons.none)
    lessons.student("GLNN + positions", taught, place)
    codes = lessons.codes("tokenizer", Reconstruction(words=3.0, links=1.0))
    lessons.student("GLNN + codes", taught, lessons.none, codes)
    lessons.student("GLNN + positions + codes", taught, place, codes)
    if parts:
        all_parts(lessons, sage, taught, place, codes)
    return codes


def all_parts(
    lessons: Lessons, sage: Lesson, taught: Lesson, place: Tensor, codes: CodeTarget
) -> None:
    """Train the student with positions and codes without its parts, and with one more."""
    lessons.student("GLNN of SAGE", sage, lessons.none)
    lessons.student("hard labels + positions + codes", None, place, codes)
    bare = lessons.codes("tokenizer, no reconstruction", Reconstruction(words=0.0, links=0.0))
    lessons.student("GLNN + positions + codes, no reconstruction", taught, place, bare)
    room = lessons.room
    reached = label_positions(room.seen, *room.labelled(room.exam.train), lessons.graph.num_classes)
    both = torch.cat([place, reached], dim=1)
    lessons.student("GLNN + positions + codes + label propagation", taught, both, codes)


def run(
    graph: CitationGraph, seeds: list[int], *, inductive: bool, parts: bool, validation: bool
) -> dict[str, dict[str, list[float]]]:
    """Accuracies in percent: row of the table, then part, then one per seed."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    positions: Tensor | None = None
    for seed in seeds:
        began = time.perf_counter()
        lessons = Lessons(graph, seed, inductive=inductive)
        if positions is None or inductive:
            positions = POSITION_SCALE * walk_positions(lessons.room.seen, CHANNELS)
        codes = one_seed(lessons, positions, parts=parts)
        exam, chosen = lessons.room.exam, lessons.room.parts()
        marks: Mapping[str, Mapping[str, float]]
        marks = {} if validation else exam.report(lessons.answers, chosen)
        for name, val in lessons.val.items():
            found[name]["val"].append(100 * val)
            for part, share in marks.get(name, {}).items():
                found[name][part].append(100 * share)
        spent = time.perf_counter() - began
        print(f"seed {seed}: {spent:.0f} s, {codes.health}, tau {codes.tau:.2f}", flush=True)
    for row in found.values():
        if "hidden" in row:
            row["production"] = [
                0.8 * a + 0.2 * b for a, b in zip(row["seen"], row["hidden"], strict=True)
            ]
    return found


def interval(values: list[float]) -> str:
    """Mean ± standard deviation, and the 95 % interval of the mean (Student's t)."""
    mean, spread = np.mean(values), np.std(values, ddof=1)
    reach = stats.t.ppf(0.975, len(values) - 1) * spread / len(values) ** 0.5
    return f"{mean:.2f} ± {spread:.2f} [{mean - reach:.2f}, {mean + reach:.2f}]"


def show(found: Mapping[str, Mapping[str, list[float]]], base: str) -> None:
    """The table; the last column is the paired difference from the row `base`."""
    columns = [part for part in ("seen", "hidden", "production", "val") if part in found[base]]
    judged = "production" if "production" in columns else columns[0]
    print(f"\n| row | {' | '.join(columns)} | {judged}, less {base} |")
    print("|-" * (len(columns) + 2) + "|")
    for name, row in found.items():
        less = [a - b for a, b in zip(row[judged], found[base][judged], strict=True)]
        cells = [interval(row[column]) for column in columns]
        print(f"| {name} | {' | '.join(cells)} | {interval(less) if name != base else '–'} |")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/cpf"))
    parser.add_argument("--sets", nargs="+", default=["cora", "citeseer"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(10)])
    parser.add_argument("--inductive", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--validation", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.sets:
        print(f"\n{name}, {'inductive' if args.inductive else 'transductive'}")
        found = run(
            ogbn_arxiv(args.data / name) if name == "ogbn_arxiv" else cpf(name, args.data),
            args.seeds,
            inductive=args.inductive,
            parts=args.parts,
            validation=args.validation,
        )
        show(found, "GLNN")


if __name__ == "__main__":
    main()
