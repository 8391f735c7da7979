"""What is known of the models of a space before any of them is tried for this task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hgl.errors import ConfigError
from hgl.search.model import GraphModel

Screen = Callable[[Sequence[GraphModel]], np.ndarray]
"""[n] scores of n models at next to no cost, such as a supernet's; higher is better, any unit."""


@dataclass(frozen=True)
class Evidence:
    """Scores of another task, network or fidelity on the same schema.

    Attributes:
        scores: by a model's bits; higher is better, in any unit. Bits of models that do not fit
            the space searched are left out there.
        name: for people.
    Raises: ConfigError: a score is not finite, or there are fewer than two.
    """

    scores: Mapping[str, float]
    name: str = ""

    def __post_init__(self) -> None:
        values = np.array(list(self.scores.values()), float)
        if len(values) < 2 or not np.isfinite(values).all():
            raise ConfigError(
                f"evidence {self.name!r} of {len(values)} scores: expected two or more, all finite"
            )
