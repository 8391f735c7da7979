"""How a model looks in every chart: a colour, a dash and a marker, so that colour is not needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hgl.report.page.element import Fragment, el, name

_COLOURS = 8
"""Classes `c0` to `c7` of the style sheet, after Okabe and Ito."""
_DASHES = (None, "6 3", "2 2", "8 2 2 2")
_SIDES = (0, 4, 3, 5, 6)
"""Corners of a marker; 0 is a circle."""


@dataclass(frozen=True)
class Look:
    """The look of one model.

    Attributes:
        number: its place among the models.
    """

    number: int

    @property
    def colour(self) -> str:
        """A class of the style sheet."""
        return f"c{self.number % _COLOURS}"

    @property
    def dash(self) -> str | None:
        """A pattern of strokes; None is a full line."""
        return _DASHES[self.number % len(_DASHES)]

    def marker(self, x: float, y: float, size: float = 4) -> Fragment:
        """Return the marker at a point of a chart."""
        sides = _SIDES[self.number % len(_SIDES)]
        if not sides:
            return el("circle", cx=float(x), cy=float(y), r=float(size), class_="mark")
        angles = [2 * math.pi * (corner + 0.5) / sides + math.pi / 2 for corner in range(sides)]
        reach = 1.25 * size
        points = " ".join(
            f"{x + reach * math.cos(a):.1f},{y + reach * math.sin(a):.1f}" for a in angles
        )
        return el("polygon", points=points, class_="mark")


def looks(models: Iterable[str]) -> dict[str, Look]:
    """Return a look for each model, by its place in the order of names."""
    return {model: Look(number) for number, model in enumerate(sorted(set(models)))}


def swatch(look: Look) -> Fragment:
    """Return a line with a marker, for a legend or a table."""
    line = el("line", x1=0, y1=7, x2=24, y2=7, stroke_dasharray=look.dash, class_="line")
    inner = [line, look.marker(12, 7)]
    return el("svg", inner, viewBox="0 0 24 14", class_=f"swatch {look.colour}", aria_hidden="true")


def legend(models: Iterable[str], known: Mapping[str, Look]) -> Fragment:
    """Return the models of a chart with their looks; filtered like the chart."""
    entries = [el("li", swatch(known[m]), name(m), data_model=m) for m in sorted(set(models))]
    return el("ul", entries, class_="legend")
