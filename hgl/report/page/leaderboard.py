"""Section: one table per group, with intervals, failures, and published numbers in their column."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.report.numbers import NONE, ends, gigabytes, listed, number, seconds, spread
from hgl.report.page.axis import Scale, around
from hgl.report.page.board import Row
from hgl.report.page.chart import tip
from hgl.report.page.element import Child, Fragment, el, name
from hgl.report.page.material import Material, Panel
from hgl.report.page.palette import Look, swatch
from hgl.report.page.references import Reference
from hgl.report.page.section import Cell, Column, of_group, row, section, table
from hgl.results.score import Score

_WIDTH, _HEIGHT = 150, 18


def leaderboard_section(material: Material) -> Fragment:
    """Return the leaderboards."""
    about = (
        "Means over seeds, ± their standard deviation. The interval says how much the score owes "
        "to which entities were asked about: a 95 % bootstrap over entities of each seed, its ends "
        "averaged over seeds. Published numbers were not measured here; results under another "
        "policy or cut have a table of their own."
    )
    cards = [_card(panel, material) for panel in material.panels]
    return section("leaderboard", "Leaderboard", about, cards)


def columns(measure: str) -> list[Column]:
    """Return the columns of a leaderboard."""
    return [
        Column("model"),
        Column(f"test {measure}", number=True),
        Column("95 % interval", number=True),
        Column("validation", number=True),
        Column("seeds", number=True),
        Column("time", number=True),
        Column("peak GB", number=True),
        Column("published", number=True),
        Column("status"),
    ]


def _card(panel: Panel, material: Material) -> Fragment:
    head = columns(panel.group.measure)
    scale = _scale(panel.rows)
    best = _best(panel)
    lines = [
        row(
            head,
            _cells(line, material, scale),
            model=line.model,
            kind="best" if line is best else "" if line.runs.done else _kind(line),
        )
        for line in panel.rows
    ]
    first = panel.group.first
    label = f"leaderboard of {first.question}, {panel.group.regime}"
    return of_group(panel.group, table(label, head, lines), _notes(panel), _elsewhere(panel))


def _kind(line: Row) -> str:
    return "published" if line.status == "published" else "failed"


def _best(panel: Panel) -> Row | None:
    """The first line, where it has a score: lines come best first."""
    first = panel.rows[0] if panel.rows else None
    return first if first is not None and math.isfinite(first.runs.score("test").mean) else None


def _scale(rows: Sequence[Row]) -> Scale:
    scores = [line.runs.score("test") for line in rows]
    values = [v for test in scores for v in (test.mean, test.low, test.high)]
    return Scale(*around(values), 4, _WIDTH - 4)


def _cells(line: Row, material: Material, scale: Scale) -> list[Cell]:
    look = material.looks.get(line.model)
    runs, test, val = line.runs, line.runs.score("test"), line.runs.score("val")
    label: list[Child] = [
        swatch(look) if look and line.status == "done" else None,
        name(line.label),
    ]
    return [
        Cell(label, line.label.lower()),
        Cell(_over_seeds(test), _known(test.mean)),
        Cell(_interval(line.label, test, look, scale), _known(test.low)),
        Cell(_over_seeds(val), _known(val.mean)),
        Cell(listed(seeds_of(line)), float(len(runs.done)) if runs.records else None),
        Cell(seconds(runs.seconds), _known(runs.seconds)),
        Cell(gigabytes(runs.peak_bytes), _known(runs.peak_bytes)),
        Cell(
            [_published(reference) for reference in line.published] or NONE,
            line.published[0].value if line.published else None,
        ),
        Cell(_status(line), line.status),
    ]


def _published(reference: Reference) -> Fragment:
    spread = "" if reference.spread is None else f" ± {reference.spread:.3f}"
    source = el("span", reference.source, class_="under wrapped")
    return el("div", f"{reference.value:.3f}{spread}", source)


def _over_seeds(score: Score) -> Child:
    mean, *std = spread(score).split(" ± ")
    return [mean, *(el("span", f" ± {part}", class_="deviation") for part in std)]


def seeds_of(line: Row) -> tuple[int, ...]:
    """Return the seeds that are done; of a failure, the one that is not."""
    return line.runs.seeds or tuple(record.seed for record in line.runs.records)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _interval(label: str, test: Score, look: Look | None, scale: Scale) -> Child:
    if not math.isfinite(test.low) or look is None:
        return NONE
    middle, shown = _HEIGHT / 2, ends(test.low, test.high)
    inner = [
        tip(f"{label}: {number(test.mean)}, 95 % interval {shown}"),
        el("line", x1=scale(test.low), x2=scale(test.high), y1=middle, y2=middle, class_="bar"),
        *(
            el("line", x1=scale(end), x2=scale(end), y1=middle - 4, y2=middle + 4, class_="bar")
            for end in (test.low, test.high)
        ),
        look.marker(scale(test.mean), middle),
    ]
    box = f"0 0 {_WIDTH} {_HEIGHT}"
    drawn = el("svg", inner, viewBox=box, class_=f"interval {look.colour}", aria_hidden="true")
    return [drawn, el("span", shown, class_="under")]


def _status(line: Row) -> Child:
    if line.status == "published":
        return "published"
    done, asked = len(line.runs.done), len(line.runs.records)
    chips: list[Child] = []
    if not done:
        chips.append(el("span", line.status, class_="chip bad"))
        chips.append(el("span", line.error, class_="why"))
    else:
        chips.append("done" if done == asked else f"{done} of {asked} done")
    if line.runs.twins:
        same = ["same predictions as ", *_names(line.runs.twins)]
        chips.append(el("span", same, class_="chip warn"))
    return chips


def _names(models: Sequence[str]) -> list[Child]:
    return [[", " if position else "", name(model)] for position, model in enumerate(models)]


def _notes(panel: Panel) -> Child:
    twins = [line for line in panel.rows if line.runs.twins]
    if not twins:
        return None
    text = (
        "Models of different names predicted exactly the same: one of them is likely filed under "
        "the wrong name, or does not do what its name says."
    )
    return el("p", text, class_="note warn")


def _elsewhere(panel: Panel) -> Child:
    """Published numbers that this table must not show beside its own."""
    if not panel.elsewhere:
        return None
    lines = [
        el("li", name(r.method), ": ", str(r), f", policy {_policy(r)}") for r in panel.elsewhere
    ]
    text = f"{len(lines)} published numbers under another policy or cut: not comparable with these"
    return el("details", el("summary", text), el("ul", lines))


def _policy(reference: Reference) -> str:
    told = {"unstated": "not stated", "leaderboard": "of RelBench's board"}
    return told.get(reference.policy, reference.policy)
