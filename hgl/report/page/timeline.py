"""Section: when the data is from, and which times each split asks about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from hgl.db import times
from hgl.report.page.axis import Scale, time_ticks
from hgl.report.page.chart import picture, tip
from hgl.report.page.database import Tables
from hgl.report.page.element import Child, Fragment, el
from hgl.report.page.gap import Gap, shown
from hgl.report.page.material import Material, Panel
from hgl.report.page.section import Cell, Column, of_group, row, section, table
from hgl.results.prediction_file import SPLITS, PredictionFile
from hgl.results.question import Question

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 900, 150, 130, 22, 26
_NAMES = {"train": "train", "val": "validation", "test": "test"}
_COLUMNS = [
    Column("split", sort=False),
    Column("from", sort=False),
    Column("to", sort=False),
    Column("seed times", number=True, sort=False),
    Column("questions", number=True, sort=False),
    Column("base rate or mean", number=True, sort=False),
]


def timeline_section(material: Material) -> Fragment:
    """Draw the time line of every group."""
    about = (
        "Bars are from the first to the last row of each timed table; dots are the times that "
        "validation and test ask about, each with the window that its answer covers."
    )
    return section(
        "timeline", "Time line", about, [_card(panel, material) for panel in material.panels]
    )


def _card(panel: Panel, material: Material) -> Fragment:
    asked = next((run for run in panel.runs if run.question and len(run.answers) == 2), None)
    first = panel.group.first
    if asked is None or asked.question is None:
        why = "no run left its task and the predictions of both splits"
        return of_group(panel.group, shown([Gap("time line", why)]))
    found = material.databases.get((first.dataset, asked.record.data))
    spans = found.spans if isinstance(found, Tables) else {}
    marks = _stamps(asked.question, found if isinstance(found, Tables) else None)
    chart = draw(asked.question, asked.answers, spans, marks, first.policy)
    scroll = el("div", chart, class_="scroll", tabindex=0, role="group")
    return of_group(
        panel.group, scroll, _counts(asked.question, asked.answers, asked.num_train, marks)
    )


def _stamps(question: Question, found: Tables | None) -> dict[str, int]:
    """Validation and test timestamps: the task's own, else the database's."""
    stated = {"val": question.val_timestamp, "test": question.test_timestamp}
    kept = {split: at for split, at in stated.items() if at is not None}
    schema = (
        {}
        if found is None
        else {"val": found.schema.val_timestamp, "test": found.schema.test_timestamp}
    )
    return {s: times.instant(t) for s, t in schema.items() if t is not None} | kept


def draw(
    question: Question,
    answers: Mapping[str, PredictionFile],
    spans: Mapping[str, tuple[int, int]],
    stamps: Mapping[str, int],
    policy: str,
) -> Fragment:
    """Return the picture.

    Args:
        spans: of timed tables, in seconds.
        stamps: split to the instant from which it asks.
    """
    asked = {split: np.unique(found.time) for split, found in answers.items()}
    last = max(int(at.max()) for at in asked.values()) + question.timedelta
    low = min([low for low, _ in spans.values()] + [int(at.min()) for at in asked.values()])
    high = max([high for _, high in spans.values()] + [last])
    x = Scale(low, max(high, low + 1), _LEFT, _WIDTH - _RIGHT)
    height = _TOP + _ROW * (len(spans) + 2) + 34
    lanes = [_lane(n, name, ends, x) for n, (name, ends) in enumerate(spans.items())]
    splits = [
        _questions(len(spans) + n, split, asked[split], question.timedelta, x)
        for n, split in enumerate(SPLITS)
        if split in asked
    ]
    starts = [f"{_NAMES[split]} from {_told(stamps, split)}" for split in SPLITS]
    told = f"time line of {question.name}: {', '.join(starts)}"
    frame: list[Child] = [_ticks(x, height), _bounds(stamps, x, height, policy)]
    return picture(_WIDTH, height, told, frame, lanes, splits)


def _told(stamps: Mapping[str, int], split: str) -> str:
    return times.text(stamps[split]) if split in stamps else "an unknown time"


def _ticks(x: Scale, height: float) -> list[Fragment]:
    marks = []
    for at, text in time_ticks(int(x.low), int(x.high), 9):
        marks.append(el("line", x1=x(at), x2=x(at), y1=_TOP, y2=height - 26, class_="grid"))
        marks.append(el("text", text, x=x(at), y=height - 10, class_="tick middle"))
    return marks


def _bounds(stamps: Mapping[str, int], x: Scale, height: float, policy: str) -> list[Child]:
    """Where validation and test begin; what the frozen policy hides is shaded."""
    marks: list[Child] = []
    if policy == "frozen" and "test" in stamps:
        left = x(stamps["test"])
        hidden = "the frozen policy ends the database here: later rows are hidden from test"
        box = {"x": left, "y": _TOP, "width": max(x.end - left, 0.0), "height": height - 26 - _TOP}
        marks.append(el("rect", tip(hidden), class_="hidden-part", **box))
    for split, at in stamps.items():
        place = x(at)
        marks.append(el("line", x1=place, x2=place, y1=_TOP - 6, y2=height - 26, class_="bound"))
        side = "end" if split == "val" else "start"
        text = f"{_NAMES[split]} from {times.text(at)}"
        shift = -5 if side == "end" else 5
        marks.append(el("text", text, x=place + shift, y=_TOP - 11, class_=f"tick {side} strong"))
    return marks


def _lane(number: int, name: str, ends: tuple[int, int], x: Scale) -> Fragment:
    y = _TOP + _ROW * number
    low, high = (x(end) for end in ends)
    box = {"x": low, "y": y + 6, "width": max(high - low, 2.0), "height": 10, "rx": 3}
    label = name if len(name) <= 20 else f"{name[:19]}…"
    said = f"{name}: {times.text(ends[0])} to {times.text(ends[1])}"
    text = el("text", label, x=_LEFT - 10, y=y + 15, class_="tick end")
    return el("g", tip(said), text, el("rect", **box), class_="lane")


def _questions(number: int, split: str, asked: np.ndarray, window: int, x: Scale) -> Fragment:
    y = _TOP + _ROW * number + 11
    ends = (int(asked.min()), int(asked.max()) + window)
    box = {"x": x(ends[0]), "y": y - 6, "width": max(x(ends[1]) - x(ends[0]), 2.0), "height": 12}
    dots = [el("circle", cx=x(int(at)), cy=float(y), r=2.4) for at in asked]
    said = f"{_NAMES[split]}: {len(asked)} times, {times.text(ends[0])} to {times.text(ends[1])}"
    text = el("text", f"{_NAMES[split]} questions", x=_LEFT - 10, y=y + 4, class_="tick end strong")
    return el("g", tip(said), text, el("rect", rx=3, **box), dots, class_=f"asked {split}")


def _counts(
    question: Question,
    answers: Mapping[str, PredictionFile],
    num_train: int | None,
    stamps: Mapping[str, int],
) -> Fragment:
    before = times.text(stamps["val"]) if "val" in stamps else "–"
    count = "–" if num_train is None else f"{num_train:,}"
    cells = [Cell("train"), Cell("–"), Cell(f"before {before}"), Cell("–"), Cell(count), Cell("–")]
    rows = [row(_COLUMNS, cells)]
    for split in SPLITS:
        if split in answers:
            rows.append(row(_COLUMNS, _line(split, answers[split], question.kind)))
    return table(f"splits of {question.name}", _COLUMNS, rows)


def _line(split: str, found: PredictionFile, kind: str) -> list[Cell]:
    plain = kind in ("binary", "regression")
    rate = f"{found.target.mean():.4f}" if plain and len(found.target) else "–"
    texts: Sequence[str] = (
        _NAMES[split],
        times.text(int(found.time.min())),
        times.text(int(found.time.max())),
        f"{len(Counter(found.time.tolist())):,}",
        f"{len(found.time):,}",
        rate,
    )
    return [Cell(text) for text in texts]
