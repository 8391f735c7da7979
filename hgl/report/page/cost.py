"""Section: what accuracy costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.report.page.axis import around
from hgl.report.page.board import Row
from hgl.report.page.chart import Frame, tip
from hgl.report.page.element import Fragment, el
from hgl.report.page.gap import Gap, of_models, shown
from hgl.report.page.material import Material, Panel
from hgl.report.page.numbers import ends, number, seconds
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
    rows = [r for r in panel.rows if math.isfinite(r.test.mean) and r.seconds > 0]
    done = {r.model for r in panel.rows if r.seeds}
    gaps = of_models("cost", done - {r.model for r in rows}, "the time is not known")
    if not rows:
        return of_group(panel.group, shown(gaps or [Gap("cost", "no run is done")]))
    values = [v for r in rows for v in (r.test.mean, r.test.low, r.test.high)]
    spent = [s.seconds for r in rows for s in r.records if s.seconds]
    x_ends = (min(spent) / _ROOM, max(spent) * _ROOM)
    frame = Frame(x_ends, around(values), "seconds", f"test {panel.group.measure}", log=True)
    inside = [_point(r, material.looks[r.model], frame) for r in rows]
    figure = el("figure", frame.draw("wall time against test score", inside))
    models = legend([r.model for r in rows], material.looks)
    return of_group(panel.group, el("div", figure, class_="charts"), models, shown(gaps))


def _point(line: Row, look: Look, frame: Frame) -> Fragment:
    x, test = frame.x(line.seconds), line.test
    said = f"{line.label}: {number(test.mean)} {ends(test)}, {seconds(line.seconds)}"
    inner: list[Fragment] = [tip(said)]
    if math.isfinite(test.low):
        inner.append(
            el("line", x1=x, x2=x, y1=frame.y(test.low), y2=frame.y(test.high), class_="bar")
        )
    inner += _seeds(line, look, frame)
    inner.append(look.marker(x, frame.y(test.mean), size=5.5))
    return el("g", inner, class_=f"series {look.colour}", data_model=line.model)


def _seeds(line: Row, look: Look, frame: Frame) -> Sequence[Fragment]:
    pairs = [(r.seconds, r.score("test")) for r in line.records]
    known = [(s, v) for s, v in pairs if s and math.isfinite(v) and len(pairs) > 1]
    return [el("g", look.marker(frame.x(s), frame.y(v), size=2), class_="faint") for s, v in known]
