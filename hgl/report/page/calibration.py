"""Section: do predicted probabilities come true?"""

from __future__ import annotations

from collections.abc import Sequence

from hgl.report.page.axis import around
from hgl.report.page.bins import Bin, Pairs
from hgl.report.page.chart import Frame, line, tip
from hgl.report.page.element import Fragment, el, name
from hgl.report.page.gap import Gap, of_models, shown
from hgl.report.page.material import Material, Panel
from hgl.report.page.palette import Look
from hgl.report.page.run import Run
from hgl.report.page.section import of_group, section

_BARS = 40
"""Pixels of the tallest bar of counts."""


def calibration_section(material: Material) -> Fragment:
    """Draw a reliability diagram per model of every group."""
    about = (
        "Test predictions in ten bins, the seeds of a model pooled: on the diagonal they come true "
        "as often as they say. Bars at the foot count predictions; ECE is the mean distance "
        "from the diagonal, weighted by them."
    )
    cards = [_card(panel, material) for panel in material.panels]
    return section("calibration", "Calibration", about, cards)


def _card(panel: Panel, material: Material) -> Fragment:
    figures, gaps, without = [], [], []
    for model in sorted({run.record.model for run in panel.runs}):
        runs = [r for r in panel.runs if r.record.model == model and "test" in r.answers]
        if not runs:
            without.append(model)
            continue
        pairs = _pooled(runs)
        if pairs is None:
            kind = runs[0].answers["test"].question.kind
            gaps.append(Gap(f"calibration of {model}", f"the kind {kind!r} has none"))
            continue
        figures.append(_figure(model, pairs, len(runs), material.looks[model]))
    gaps += of_models("calibration", without, "there are no predictions to read")
    if not panel.runs:
        gaps.append(Gap("calibration", "no run is done"))
    return of_group(panel.group, el("div", figures, class_="charts three"), shown(gaps))


def _pooled(runs: Sequence[Run]) -> Pairs | None:
    found = [run.answers["test"] for run in runs]
    pairs = [Pairs.of(a.question.kind, a.target, a.prediction) for a in found]
    known = [each for each in pairs if each is not None]
    return Pairs.pooled(known) if known else None


def _figure(model: str, pairs: Pairs, seeds: int, look: Look) -> Fragment:
    bins = pairs.bins()
    means = [value for part in bins for value in (part.predicted, part.observed)]
    ends = (0.0, 1.0) if pairs.probability else around(means)
    frame = Frame(ends, ends, "predicted", "observed", width=300)
    low, high = ends
    diagonal = line([(frame.x(low), frame.y(low)), (frame.x(high), frame.y(high))])
    spots = [(frame.x(part.predicted), frame.y(part.observed)) for part in bins]
    inside = [
        el("g", diagonal, class_="diagonal"),
        _counts(bins, frame),
        el(
            "g",
            line(spots),
            [_mark(p, s, look) for p, s in zip(bins, spots)],
            class_=f"series {look.colour}",
        ),
    ]
    error = f"ECE {pairs.error():.3f}" if pairs.probability else f"mean gap {pairs.error():.3g}"
    pooled = f", {seeds} seeds" if seeds > 1 else ""
    caption = el("figcaption", el("strong", name(model)), f" {error}{pooled}")
    drawn = frame.draw(f"calibration of {model}: {pairs.about}; {error}", inside)
    return el("figure", caption, drawn, data_model=model)


def _mark(part: Bin, spot: tuple[float, float], look: Look) -> Fragment:
    said = (
        f"predicted {part.predicted:.4g}, observed {part.observed:.4g}, {part.count:,} predictions"
    )
    return el("g", tip(said), look.marker(*spot))


def _counts(bins: Sequence[Bin], frame: Frame) -> Fragment:
    most = max((part.count for part in bins), default=1)
    foot = frame.y.start
    bars = []
    for part in bins:
        tall = _BARS * part.count / most
        box = {"x": frame.x(part.predicted) - 6, "y": foot - tall, "width": 12, "height": tall}
        bars.append(el("rect", tip(f"{part.count:,} predictions"), **box))
    return el("g", bars, class_="counts")
