"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hgl.results.score import Score

NONE = "–"


def number(value: float, digits: int = 4) -> str:
    """Return a number, or a dash where it is not known."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NONE


def spread(score: Score) -> str:
    """Return mean and standard deviation over seeds."""
    mean = number(score.mean)
    return f"{mean} ± {score.std:.4f}" if math.isfinite(score.std) else mean


def ends(low: float, high: float) -> str:
    """Return an interval."""
    return f"[{low:.4f}, {high:.4f}]" if math.isfinite(low) else NONE


def seconds(value: float) -> str:
    """Return wall time: seconds, then minutes, then hours."""
    if not math.isfinite(value):
        return NONE
    for size, unit in ((3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.1f} s"


def gigabytes(value: float) -> str:
    """Return bytes as gigabytes of 2^30, as limits count them."""
    return f"{value / 2**30:.2f}" if math.isfinite(value) else NONE


def listed(values: Sequence[int]) -> str:
    """Return whole numbers in a row."""
    return ", ".join(map(str, values)) or NONE
