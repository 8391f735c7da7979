"""Section: what accuracy costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.report.numbers import ends, number, seconds
from hgl.report.page.axis import around
from hgl.report.page.board import Row
from hgl.report.page.chart import Frame, tip
from hgl.report.page.element import Fragment, el
from hgl.report.page.gap import Gap, of_models, shown
from hgl.report.page.material import Material, Panel
from hgl.report.page.palette import Look, legend
from hgl.report.page.section import of_group, section

_ROOM = 1.35
"""By how much the axis goes beyond the cheapest and the dearest."""


def cost_section(material: Material) -> Fragment:
    """Draw wall time against test score for every group."""
    about = (
        "Wall time of one seed against the test score, with its interval; small markers are single "
        "seeds. Machines and their load differ: compare within one report."
    )
    cards = [_card(panel, material) for panel in material.panels]
    return section("cost", "Cost against accuracy", about, el("div", cards, class_="pairs"))


def _card(panel: Panel, material: Material) -> Fragment:
    rows = [r for r in panel.rows if _shown(r)]
    done = {r.model for r in panel.rows if r.runs.done}
    gaps = of_models("cost", done - {r.model for r in rows}, "the time is not known")
    if not rows:
        return of_group(panel.group, shown(gaps or [Gap("cost", "no run is done")]))
    scores = [r.runs.score("test") for r in rows]
    values = [v for test in scores for v in (test.mean, test.low, test.high)]
    spent = [s.seconds for r in rows for s in r.runs.done if s.seconds > 0]
    x_ends = (min(spent) / _ROOM, max(spent) * _ROOM)
    frame = Frame(x_ends, around(values), "seconds", f"test {panel.group.measure}", log=True)
    inside = [_point(r, material.looks[r.model], frame) for r in rows]
    figure = el("figure", frame.draw("wall time against test score", inside))
    models = legend([r.model for r in rows], material.looks)
    return of_group(panel.group, el("div", figure, class_="charts"), models, shown(gaps))


def _shown(line: Row) -> bool:
    return math.isfinite(line.runs.score("test").mean) and line.runs.seconds > 0


def _point(line: Row, look: Look, frame: Frame) -> Fragment:
    spent, test = line.runs.seconds, line.runs.score("test")
    x = frame.x(spent)
    interval = ends(test.low, test.high)
    said = f"{line.label}: {number(test.mean)} {interval}, {seconds(spent)}"
    inner: list[Fragment] = [tip(said)]
    if math.isfinite(test.low):
        inner.append(
            el("line", x1=x, x2=x, y1=frame.y(test.low), y2=frame.y(test.high), class_="bar")
        )
    inner += _seeds(line, look, frame)
    inner.append(look.marker(x, frame.y(test.mean), size=5.5))
    return el("g", inner, class_=f"series {look.colour}", data_model=line.model)


def _seeds(line: Row, look: Look, frame: Frame) -> Sequence[Fragment]:
    pairs = [(r.seconds, r.score("test")) for r in line.runs.done]
    known = [(s, v) for s, v in pairs if s > 0 and math.isfinite(v) and len(pairs) > 1]
    return [el("g", look.marker(frame.x(s), frame.y(v), size=2), class_="faint") for s, v in known]
