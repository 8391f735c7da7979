"""Who takes part in a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Contender:
    """A model of `hgl train`, and what may be tuned about it.

    Attributes:
        model: option of `hgl train model=…`.
        network: takes the words that a suite has for graph networks.
        recommends: answers recommendation tasks; else it answers all others.
        seeded: whether its result depends on the seed; else one run is enough.
        baseline: stands in every table of the tasks that it answers.
        words: more key=value of `hgl train`.
        space: key of `hgl train` to the values that tuning draws from.
    """

    model: str
    network: bool = True
    recommends: bool = False
    seeded: bool = True
    baseline: bool = False
    words: tuple[str, ...] = ()
    space: Mapping[str, Any] = field(default_factory=dict)

    def answers(self, kind: str) -> bool:
        """Whether it can be asked a task of this kind."""
        return self.recommends == (kind == "recommendation")
