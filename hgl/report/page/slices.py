"""Section: the main metric by seed time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hgl.db import times
from hgl.report.numbers import number
from hgl.report.page.axis import around
from hgl.report.page.chart import Frame, line, tip
from hgl.report.page.element import Fragment, el
from hgl.report.page.gap import Gap, of_models, shown
from hgl.report.page.material import Material, Panel
from hgl.report.page.palette import Look, legend
from hgl.report.page.run import Run
from hgl.report.page.section import Cell, Column, of_group, row, section, table
from hgl.results.prediction_file import SPLITS

_MOST = 10
"""Slices of a split."""


@dataclass(frozen=True)
class Slice:
    """Neighbouring seed times of one split.

    Attributes:
        low, high: first and last seed time, in seconds.
        count: questions.
        scores: model to its mean over seeds; nan where it is undefined.
    """

    split: str
    low: int
    high: int
    count: int
    scores: Mapping[str, float]

    @property
    def label(self) -> str:
        """The times in words."""
        ends = [times.text(self.low), times.text(self.high)]
        return " to ".join(dict.fromkeys(ends))


def slices_section(material: Material) -> Fragment:
    """Draw and list the slices of every group."""
    about = (
        f"Each seed time of validation and test by itself, or neighbouring ones together where "
        f"there are more than {_MOST}: does a model hold up as time goes on? Means over seeds."
    )
    cards = [_card(panel, material) for panel in material.panels]
    return section("slices", "Metrics over time", about, cards)


def _card(panel: Panel, material: Material) -> Fragment:
    metric = panel.group.first.metric
    runs = [run for run in panel.runs if run.answers]
    found = sliced(runs)
    models = sorted(
        {model for part in found for model, v in part.scores.items() if math.isfinite(v)}
    )
    if not models:
        why = f"no predictions to score by {metric}" if panel.runs else "no run is done"
        return of_group(panel.group, shown([Gap("metrics over time", why)]))
    without = {run.record.model for run in panel.runs} - set(models)
    gaps = of_models("slices", without, "there are no predictions to read")
    figure = el("figure", _chart(found, models, panel.group.measure, material.looks))
    listed = _table(found, models, panel.group.measure)
    body = [el("div", figure, class_="charts wide"), legend(models, material.looks), listed]
    return of_group(panel.group, body, shown(gaps))


def sliced(runs: Sequence[Run]) -> list[Slice]:
    """Return the slices of validation and test, in order of time."""
    found = []
    for split in SPLITS:
        answered = [run for run in runs if split in run.answers]
        if not answered:
            continue
        instants = np.unique(np.concatenate([run.answers[split].time for run in answered]))
        for part in np.array_split(instants, min(_MOST, len(instants))):
            found.append(_slice(answered, split, int(part[0]), int(part[-1])))
    return found


def _slice(runs: Sequence[Run], split: str, low: int, high: int) -> Slice:
    scores: dict[str, list[float]] = {}
    count = 0
    for run in runs:
        answers = run.answers[split]
        rows = (answers.time >= low) & (answers.time <= high)
        count = max(count, int(rows.sum()))
        scores.setdefault(run.record.model, []).append(answers.score(rows))
    means = {model: float(np.mean(values)) for model, values in scores.items()}
    return Slice(split, low, high, count, means)


def _chart(
    found: Sequence[Slice], models: Sequence[str], measure: str, known: Mapping[str, Look]
) -> Fragment:
    values = [value for part in found for value in part.scores.values()]
    middles = [(part.low + part.high) / 2 for part in found]
    frame = Frame(around(middles), around(values), "seed time", measure, time=True, width=760)
    inside = [_divide(found, frame)]
    for model in models:
        look = known[model]
        parts = [
            _line(model, [s for s in found if s.split == split], look, frame) for split in SPLITS
        ]
        inside.append(el("g", parts, class_=f"series {look.colour}", data_model=model))
    return frame.draw(f"{measure} by seed time", inside)


def _divide(found: Sequence[Slice], frame: Frame) -> Fragment:
    starts = [part.low for part in found if part.split == "test"]
    ends = [part.high for part in found if part.split == "val"]
    if not (starts and ends):
        return el("g")
    at = frame.x((max(ends) + min(starts)) / 2)
    top = frame.y.end
    texts = [
        el("text", "validation", x=at - 6, y=top + 9, class_="tick end"),
        el("text", "test", x=at + 6, y=top + 9, class_="tick"),
    ]
    return el("g", el("line", x1=at, x2=at, y1=top, y2=frame.y.start, class_="bound"), texts)


def _line(model: str, parts: Sequence[Slice], look: Look, frame: Frame) -> list[Fragment]:
    known = [part for part in parts if math.isfinite(part.scores.get(model, math.nan))]
    spots = [(frame.x((p.low + p.high) / 2), frame.y(p.scores[model])) for p in known]
    marks = [
        el(
            "g",
            tip(f"{model}, {p.label}: {p.scores[model]:.4f} ({p.count:,} questions)"),
            look.marker(*s, size=3),
        )
        for p, s in zip(known, spots)
    ]
    return [line(spots, look.dash), *marks]


def _table(found: Sequence[Slice], models: Sequence[str], measure: str) -> Fragment:
    head = [Column("seed times"), Column("split"), Column("questions", number=True)]
    head += [Column(model, number=True) for model in models]
    lines = []
    for part in found:
        scores = [part.scores.get(model, math.nan) for model in models]
        cells = [
            Cell(part.label, part.label),
            Cell(part.split, part.split),
            Cell(f"{part.count:,}", float(part.count)),
        ]
        cells += [Cell(number(s), s if math.isfinite(s) else None) for s in scores]
        lines.append(row(head, cells))
    summary = el("summary", f"{len(lines)} slices as a table")
    return el("details", summary, table(f"{measure} by seed time", head, lines))
