"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.report.page.board import Score

NONE = "–"


def number(value: float, digits: int = 4) -> str:
    """Return a number, or a dash where it is not known."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NONE


def spread(score: Score) -> str:
    """Return mean and standard deviation over seeds."""
    mean = number(score.mean)
    return f"{mean} ± {score.std:.4f}" if math.isfinite(score.std) else mean


def ends(score: Score) -> str:
    """Return an interval."""
    known = math.isfinite(score.low)
    return f"[{score.low:.4f}, {score.high:.4f}]" if known else NONE


def seconds(value: float) -> str:
    """Return wall time: seconds, then minutes, then hours."""
    if not math.isfinite(value):
        return NONE
    for size, unit in ((3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.1f} s"


def gigabytes(value: float) -> str:
    """Return bytes as gigabytes of 10^9."""
    return f"{value / 1e9:.2f}" if math.isfinite(value) else NONE


def listed(values: Sequence[int]) -> str:
    """Return whole numbers in a row."""
    return ", ".join(map(str, values)) or NONE
