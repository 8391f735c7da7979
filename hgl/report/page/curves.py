"""Section: training loss and validation score per epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.report.page.axis import around
from hgl.report.page.chart import Frame, line, tip
from hgl.report.page.element import Child, Fragment, el
from hgl.report.page.gap import Gap, of_models, shown
from hgl.report.page.material import Material, Panel
from hgl.report.page.palette import Look, legend
from hgl.report.page.run import Run
from hgl.report.page.section import of_group, section

Points = list[tuple[float, float]]


def curves_section(material: Material) -> Fragment:
    """Draw the curves of every group."""
    about = "A line per run; the larger marker is the epoch that was kept, by validation."
    cards = [_card(panel, material) for panel in material.panels]
    return section("curves", "Learning curves", about, cards)


def _card(panel: Panel, material: Material) -> Fragment:
    runs = [run for run in panel.runs if run.curve]
    without = {run.record.model for run in panel.runs} - {r.record.model for r in runs}
    gaps = of_models("curve", without, "not trained in epochs here, or they are gone")
    if not runs:
        return of_group(panel.group, shown(gaps or [Gap("curve", "no run is done")]))
    metric = panel.group.first.metric
    charts = [
        _chart(runs, material, f"val_{metric}", f"validation {panel.group.measure}", metric),
        _chart(runs, material, "train_loss", "training loss", metric),
    ]
    models = [run.record.model for run in runs]
    grid = el("div", charts, class_="charts")
    return of_group(panel.group, grid, legend(models, material.looks), shown(gaps))


def _chart(runs: Sequence[Run], material: Material, key: str, label: str, metric: str) -> Fragment:
    drawn = [(run, _points(run, key)) for run in runs]
    epochs = [x for _, points in drawn for x, _ in points]
    values = [y for _, points in drawn for _, y in points]
    ends = (min(epochs, default=0), max([*epochs, min(epochs, default=0) + 1]))
    frame = Frame(ends, around(values), "epoch", label, whole=True)
    inside = [
        _line(run, points, material.looks[run.record.model], frame, metric) for run, points in drawn
    ]
    return el("figure", frame.draw(f"{label} per epoch", inside))


def _points(run: Run, key: str) -> Points:
    pairs = [(float(row["epoch"]), row.get(key)) for row in run.curve]
    numbers = [(x, float(y)) for x, y in pairs if isinstance(y, int | float)]
    return [(x, y) for x, y in numbers if math.isfinite(y)]


def _line(run: Run, points: Points, look: Look, frame: Frame, metric: str) -> Child:
    if not points:
        return None
    record = run.record
    best = _best(run, metric)
    spots = [(frame.x(x), frame.y(y)) for x, y in points]
    marks = [
        look.marker(*spot, size=4.5 if x == best else 2)
        for spot, (x, _) in zip(spots, points)
        if x == best or len(points) <= 30
    ]
    said = f"{record.model}, seed {record.seed}: {points[-1][1]:.4f} at epoch {points[-1][0]:.0f}"
    inner = [tip(said), line(spots, look.dash), marks]
    return el("g", inner, class_=f"series {look.colour}", data_model=record.model)


def _best(run: Run, metric: str) -> float | None:
    points = _points(run, f"val_{metric}")
    if not points:
        return None
    sign = -1 if run.record.higher_is_better else 1
    return min(points, key=lambda point: sign * point[1])[0]
