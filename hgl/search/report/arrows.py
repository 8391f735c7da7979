"""The ways that keys take between the boxes of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from hgl.search.report.layout import HEIGHT, Place

_POINTS = 81
_APART = 0.13
"""Between arrows that join the same two tables."""
_SIDE = 0.45
"""How far an arrow between neighbours in a column swings out, at least."""


def key_way(child: Place, parent: Place, number: int, count: int) -> np.ndarray:
    """[points, 2]: from child to parent, the `number`-th of `count` between the same two tables."""
    shift = _APART * (number - (count - 1) / 2)
    if child == parent:
        return _loop(child, number)
    if child.x == parent.x:
        return _beside(child, parent, shift)
    side = np.sign(parent.x - child.x)
    start = (child.x + side * child.width / 2, child.y + shift)
    end = (parent.x - side * parent.width / 2, parent.y + shift)
    return _bezier([start, end])


def _loop(place: Place, number: int) -> np.ndarray:
    """Over the box, out of it and into it again."""
    wide, high = place.width / 4, HEIGHT * (1.3 + 0.5 * number)
    top = place.y + HEIGHT / 2
    corners = [(-wide, 0), (-1.6 * wide, high), (1.6 * wide, high), (wide, 0)]
    return _bezier([(place.x + x, top + y) for x, y in corners])


def _beside(child: Place, parent: Place, shift: float) -> np.ndarray:
    """Between boxes of one column: out at the right and in again."""
    swing = _SIDE + abs(child.y - parent.y) / 5 + 2 * abs(shift)
    start = (child.x + child.width / 2, child.y + shift)
    end = (parent.x + parent.width / 2, parent.y + shift)
    right = max(start[0], end[0]) + swing
    return _bezier([start, (right, start[1]), (right, end[1]), end])


def _bezier(controls: Sequence[Sequence[float] | np.ndarray]) -> np.ndarray:
    """[points, 2] along a curve, by de Casteljau's construction."""
    t = np.linspace(0, 1, _POINTS)[:, None]
    points = [np.broadcast_to(np.asarray(c, float), (_POINTS, 2)) for c in controls]
    while len(points) > 1:
        points = [(1 - t) * a + t * b for a, b in pairwise(points)]
    return np.array(points[0])
