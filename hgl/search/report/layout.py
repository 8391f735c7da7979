"""Where the tables of a schema stand in a picture: in columns, by distance from the entity table.

All lengths are in inches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.textpath import TextPath

from hgl.search.encoding import Encoding, Link

FONT = 8
"""Size of names, in points."""
HEIGHT = 0.4
"""Of a box."""
_STEP, _GAP, _PAD = 0.8, 1.35, 0.12
_SWEEPS = 8
_INCH = 72


@dataclass(frozen=True)
class Place:
    """A box: its middle and its width. Names of more than one word may take two lines."""

    x: float
    y: float
    width: float
    label: str


def places(encoding: Encoding, entity_table: str) -> dict[str, Place]:
    """Place every table; those that no key leads to come last."""
    keys = list(encoding.fkeys.values())
    columns = _ordered(_columns(encoding.tables, keys, entity_table), keys)
    labels = {table: broken(table) for table in encoding.tables}
    height = _STEP * max(len(column) for column in columns)
    found, left = {}, 0.0
    for column in columns:
        widths = {table: text_width(labels[table]) + 2 * _PAD for table in column}
        widest = max(widths.values())
        for row, table in enumerate(column):
            y = height * (0.5 - (row + 0.5) / len(column))
            found[table] = Place(left + widest / 2, y, widths[table], labels[table])
        left += widest + _GAP
    return found


def broken(name: str) -> str:
    """A long name over two lines, broken after the underscore nearest its middle."""
    marks = [place for place, letter in enumerate(name[:-1], 1) if letter == "_" and place > 1]
    if len(name) < 12 or not marks:
        return name
    middle = min(marks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle]}\n{name[middle:]}"


@lru_cache(maxsize=1024)
def text_width(text: str, size: float = FONT) -> float:
    """Width of the longest line, as matplotlib draws it."""
    lines = [line for line in text.split("\n") if line.strip()]
    paths = [TextPath((0, 0), line.replace("$", r"\$"), size=size) for line in lines]
    return max((path.get_extents().x1 for path in paths), default=0.0) / _INCH


def _columns(tables: Sequence[str], keys: Sequence[Link], entity_table: str) -> list[list[str]]:
    """Tables by how many keys away from the entity table they are, breadth first."""
    columns, left = [[entity_table]], set(tables) - {entity_table}
    while left:
        ring = {end for key in keys for end in key.ends if set(key.ends) & set(columns[-1])} & left
        columns.append(sorted(ring or left))
        left -= set(columns[-1])
    return columns


def _ordered(columns: list[list[str]], keys: Sequence[Link]) -> list[list[str]]:
    """Order each column by the mean height of its tables' neighbours, so that fewer keys cross."""
    for _ in range(_SWEEPS):
        height = {
            table: (row + 0.5) / len(column)
            for column in columns
            for row, table in enumerate(column)
        }
        for column in columns:
            means = {table: np.mean(_around(table, keys, height)) for table in column}
            column.sort(key=lambda table: (round(float(means[table]), 6), table))
            height |= {table: (row + 0.5) / len(column) for row, table in enumerate(column)}
    return columns


def _around(table: str, keys: Sequence[Link], height: dict[str, float]) -> list[float]:
    joined = [end for key in keys if table in key.ends for end in key.ends if end != table]
    return [height[end] for end in joined] or [height[table]]
