"""Search by a predictor: the models that promise most are tried next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hgl.errors import check_range
from hgl.search.evidence import Evidence, Screen
from hgl.search.method import Method, Rounds
from hgl.search.methods.greedy import shuffled, smallest
from hgl.search.methods.guide import Guide
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace

GROWTH = 8
"""A round is at least the models tried so far, divided by this."""


class Surrogate(Method):
    """Small rounds of the models with the highest upper confidence bound.

    Starts with models of a single relation, all rows as nodes, and those that the predictor is then
    least sure of or, with evidence, expects most of.

    Args:
        batch: models of a round, at least.
        start: models of the first round.
        boldness: deviations of doubt that count for a model; 0 trusts predictions.
        warm: scores of other tasks or networks on the same schema; what disagrees with the scores
            of this search loses its weight.
        screen: cheap scores of all models, such as a supernet's.
    Raises: ConfigError: a setting is out of range, or evidence does not fit the space.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        batch: int = 2,
        start: int = 5,
        boldness: float = 1.0,
        warm: Sequence[Evidence] = (),
        screen: Screen | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(space, **settings)
        check_range("batch", batch, 1)
        check_range("start", start, 1)
        self.batch = batch
        self.start = start
        self.guide = Guide(space, warm=warm, screen=screen, boldness=boldness)

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng = self.rng()
        worth = yield from self.ask(self.first(rng))
        while picked := self.guide.pick(worth, max(self.batch, len(worth) // GROWTH), rng):
            worth |= yield from self.ask(picked)

    def first(self, rng: np.random.Generator) -> list[GraphModel]:
        """Return the models tried before any is predicted from scores."""
        usual = self.space.all_rows
        known = [usual] if self.space.is_valid(usual) else []
        single = [] if self.guide.informed else shuffled(smallest(self.space), rng)
        known = list(dict.fromkeys([*single[: self.start - len(known)], *known]))
        return known + self.guide.pick(dict.fromkeys(known, 0.0), self.start - len(known), rng)
