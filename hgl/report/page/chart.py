"""The frame of a chart: axes, grid, names; what is drawn inside comes from its section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hgl.report.page.axis import Scale, short, time_ticks
from hgl.report.page.element import Child, Fragment, el

WIDTH, HEIGHT = 360, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 12, 38


@dataclass(frozen=True)
class Frame:
    """A chart with two axes.

    Attributes:
        x_name, y_name: of the axes.
        whole: whether x is counted.
        time: whether x is seconds since the epoch, written as dates.
    """

    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    x_name: str
    y_name: str
    log: bool = False
    time: bool = False
    whole: bool = False
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def x(self) -> Scale:
        """Values to pixels from left to right."""
        return Scale(*self.x_ends, _LEFT, self.width - _RIGHT, self.log)

    @property
    def y(self) -> Scale:
        """Values to pixels from bottom to top."""
        return Scale(*self.y_ends, self.height - _BOTTOM, _TOP)

    def draw(self, label: str, *inside: Child) -> Fragment:
        """Return the chart.

        Args:
            label: what it shows, for those who do not see it.
        """
        return picture(self.width, self.height, label, self._across(), self._up(), inside)

    def _up(self) -> list[Fragment]:
        left, right = _LEFT, self.width - _RIGHT
        marks = []
        for value in self.y.ticks(4):
            at = self.y(value)
            marks.append(el("line", x1=left, x2=right, y1=at, y2=at, class_="grid"))
            marks.append(el("text", short(value), x=left - 6, y=at + 3.5, class_="tick end"))
        middle = (self.y.start + self.y.end) / 2
        turned = f"translate(11 {middle:.0f}) rotate(-90)"
        return [*marks, el("text", self.y_name, transform=turned, class_="axis middle")]

    def _across(self) -> list[Fragment]:
        bottom = self.height - _BOTTOM
        pairs = [(value, short(value)) for value in self.x.ticks(least=float(self.whole))]
        if self.time:
            pairs = list(time_ticks(int(self.x_ends[0]), int(self.x_ends[1]), 5))
        marks = [el("line", x1=_LEFT, x2=self.width - _RIGHT, y1=bottom, y2=bottom, class_="base")]
        for value, text in pairs:
            at = self.x(value)
            marks.append(el("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="base"))
            marks.append(el("text", text, x=at, y=bottom + 15, class_="tick middle"))
        middle = (_LEFT + self.width - _RIGHT) / 2
        return [*marks, el("text", self.x_name, x=middle, y=self.height - 6, class_="axis middle")]


def picture(width: float, height: float, label: str, *inside: Child) -> Fragment:
    """Return an SVG image of its own size, as wide as its place at most."""
    return el(
        "svg",
        inside,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        role="img",
        aria_label=label,
        class_="chart",
    )


def line(points: Sequence[tuple[float, float]], dash: str | None = None) -> Fragment:
    """Return a line through pixels."""
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return el("polyline", points=text, stroke_dasharray=dash, class_="line")


def tip(text: str) -> Fragment:
    """Return what a pointer shows over an element."""
    return el("title", text)
