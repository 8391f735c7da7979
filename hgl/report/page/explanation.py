"""What a model says of its own predictions, as bars."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """Shares of one model.

    Attributes:
        key: of its group.
        model: and `seed`: whose it is.
        title: what the bars are.
        about: how they are to be read, in a sentence.
        bars: name and share (0 to 1), the largest first.
    """

    key: str
    model: str
    seed: int
    title: str
    about: str
    bars: tuple[tuple[str, float], ...]
