"""Names beside arrows, put where they cover neither a box nor another name."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hgl.search.report.layout import FONT, Place, text_width

_SIZE = FONT - 1.5
_HIGH = 0.13
"""Of a line of text, in inches."""
_LONGEST = 24
_SHARES = (0.4, 0.5, 0.3, 0.6, 0.2, 0.7, 0.8)
"""Of the way, where a name may stand, from the likeliest on; nearer the child fewer keys meet."""


class Labels:
    """The rectangles taken so far: [left, low, right, high]."""

    def __init__(self) -> None:
        self._taken: list[np.ndarray] = []

    def block(self, x: float, y: float, width: float, height: float) -> None:
        """Keep names out of a rectangle around a point."""
        self._taken.append(_rectangle(x, y, width, height))

    def along(self, axes: Axes, way: np.ndarray, name: str, colour: str) -> None:
        """Write a name on a way, where it covers least."""
        shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        width = text_width(shown, _SIZE) + 0.04
        spots = [way[int(share * (len(way) - 1))] for share in _SHARES]
        covered = [self._covered(_rectangle(x, y, width, _HIGH)) for x, y in spots]
        x, y = spots[int(np.argmin(np.round(covered, 4)))]
        self._write(axes, x, y, shown, colour, _SIZE, "normal")
        self.block(x, y, width, _HIGH)

    def centre(self, axes: Axes, spot: Place, colour: str) -> None:
        """Write a table's name where its box would stand."""
        self._write(axes, spot.x, spot.y, spot.label, colour, FONT, "bold")
        self.block(spot.x, spot.y, spot.width, _HIGH * (1 + spot.label.count("\n")))

    def _covered(self, own: np.ndarray) -> float:
        """Area that a rectangle shares with those taken."""
        if not self._taken:
            return 0.0
        taken = np.array(self._taken)
        sides = np.minimum(own[2:], taken[:, 2:]) - np.maximum(own[:2], taken[:, :2])
        return float(np.clip(sides, 0, None).prod(axis=1).sum())

    def _write(
        self, axes: Axes, x: float, y: float, text: str, colour: str, size: float, weight: str
    ) -> None:
        axes.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color=colour,
            weight=weight,
            linespacing=0.95,
            zorder=5,
            parse_math=False,
            bbox={"boxstyle": "square,pad=0.08", "fc": "white", "ec": "none", "alpha": 0.9},
        )


def _rectangle(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
