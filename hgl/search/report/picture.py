"""Graph models side by side as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from hgl.search.encoding import Encoding, Link
from hgl.search.model import GraphModel
from hgl.search.report.arrows import key_way
from hgl.search.report.aside import save_figure
from hgl.search.report.labels import Labels
from hgl.search.report.layout import FONT, HEIGHT, Place, places

_ENTITY, _ROWS, _OUT = ("#fde7c2", "#c76b00"), ("#e8f0fa", "#2b5c94"), ("#f6f6f6", "#c4c4c4")
_KEY, _DROPPED, _EDGE = "#4a5f78", "#dedede", "#8e2a7a"
_MARGIN, _HEAD, _FOOT = 0.3, 0.35, 0.3
_LEGEND = (
    "orange: the entity table · blue: tables as rows · thin arrows: keys, child to parent · "
    "thick arrows: tables as edges · grey: left out"
)

Ways = dict[Link, np.ndarray]
"""[points, 2] of each link."""


def save_models(panels: Sequence[tuple[str, GraphModel]], path: Path) -> None:
    """Draw graph models of one schema beside each other, every table at the same place in each.

    Args:
        panels: title and model, from left to right.
        path: of the PNG.
    Raises: SourceError: the file cannot be written.
    """
    reach = panels[0][1].reach
    spots = places(reach.encoding, reach.entity_table)
    ways = _ways(reach.encoding, spots)
    low, high = _bounds(spots, ways)
    width, height = high - low
    full = (width * len(panels), height + _HEAD + _FOOT)
    figure = Figure(figsize=full)
    for number, (title, model) in enumerate(panels):
        box = (number * width / full[0], _FOOT / full[1], width / full[0], height / full[1])
        axes = figure.add_axes(box, xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axes.set_axis_off()
        axes.set_title(title, fontsize=FONT + 3, parse_math=False)
        _draw(axes, model, spots, ways)
    figure.text(0.5, 0.12 / full[1], _LEGEND, ha="center", fontsize=FONT, color="#555555")
    save_figure(figure, path)


def _ways(encoding: Encoding, spots: Mapping[str, Place]) -> Ways:
    """The way of each key, and of each table that may be edges."""
    between = Counter(frozenset(link.ends) for link in encoding.fkeys.values())
    seen: Counter[frozenset[str]] = Counter()
    found: Ways = {}
    for link in encoding.fkeys.values():
        ends = frozenset(link.ends)
        child, parent = (spots[end] for end in link.ends)
        found[link] = key_way(child, parent, seen[ends], between[ends])
        seen[ends] += 1
    for table, link in encoding.edges.items():
        first, second = (way for key, way in found.items() if key.table == table)
        found[link] = np.concatenate([first[::-1], second])
    return found


def _bounds(spots: Mapping[str, Place], ways: Ways) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest x and y, with room for names."""
    middles = np.array([(spot.x, spot.y) for spot in spots.values()])
    halves = np.array([(spot.width / 2, HEIGHT / 2) for spot in spots.values()])
    points = np.concatenate([middles - halves, middles + halves, *ways.values()])
    return points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN


def _draw(axes: Axes, model: GraphModel, spots: Mapping[str, Place], ways: Ways) -> None:
    roles, labels = model.roles, Labels()
    for table, spot in spots.items():
        if roles[table] == "edge":
            labels.centre(axes, spot, _EDGE)
        else:
            entity = table == model.reach.entity_table
            _box(axes, spot, _ENTITY if entity else _OUT if roles[table] == "out" else _ROWS)
            labels.block(spot.x, spot.y, spot.width, HEIGHT)
    for link, way in ways.items():
        drawn = bool(model.mask & link.bit)
        if drawn and link.fkey is None:
            _arrow(axes, way, _EDGE, 2.6)
        elif drawn and link.fkey is not None:
            _arrow(axes, way, _KEY, 0.9)
            labels.along(axes, way, link.fkey, _KEY)
        elif link.fkey is not None and roles[link.table] != "edge":
            axes.plot(*way.T, color=_DROPPED, lw=0.7, ls=(0, (2, 3)), zorder=1)


def _box(axes: Axes, spot: Place, colours: tuple[str, str]) -> None:
    fill, line = colours
    corner = (spot.x - spot.width / 2, spot.y - HEIGHT / 2)
    out = colours == _OUT
    axes.add_patch(
        FancyBboxPatch(
            corner,
            spot.width,
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.07",
            fc=fill,
            ec=line,
            lw=2.2 if colours == _ENTITY else 1,
            ls="--" if out else "-",
            zorder=3,
        )
    )
    axes.text(
        spot.x,
        spot.y,
        spot.label,
        ha="center",
        va="center",
        fontsize=FONT,
        color="#aaaaaa" if out else "black",
        weight="bold" if colours == _ENTITY else "normal",
        linespacing=0.95,
        zorder=4,
        parse_math=False,
    )


def _arrow(axes: Axes, way: np.ndarray, colour: str, width: float) -> None:
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(way),
            arrowstyle="-|>,head_length=4,head_width=2" if width < 2 else "-|>",
            mutation_scale=1.3 if width < 2 else 14,
            color=colour,
            lw=width,
            joinstyle="round",
            zorder=2,
        )
    )
