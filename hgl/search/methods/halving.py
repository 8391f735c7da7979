"""Many models trained a little, the better of them trained further (arXiv:1502.07943)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from hgl.errors import check_range
from hgl.search.evidence import Evidence, Screen
from hgl.search.method import Method, Rounds, Worth
from hgl.search.methods.guide import Guide, screened
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace

OVERSAMPLE = 4
"""Models that a screen chooses among, for each that it lets through."""


class Halving(Method):
    """Successive halving over the ladder's rungs, with new models again and again.

    The first models hold all rows as nodes, where that fits the task. Without `guided` they are
    drawn at random, among several times as many where there is a screen; with it a predictor picks
    them by all scores so far.

    Args:
        candidates: models that start at the lowest rung.
        eta: of so many models one goes on to the next rung.
        guided: whether a predictor picks the models.
        boldness: deviations of doubt that count for a model, to the predictor.
        warm: scores of other tasks or networks, for the predictor.
        screen: cheap scores of all models, such as a supernet's.
    Raises: ConfigError: a setting is out of range, or evidence does not fit the space.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        candidates: int = 27,
        eta: float = 3.0,
        guided: bool = True,
        boldness: float = 1.0,
        warm: Sequence[Evidence] = (),
        screen: Screen | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(space, **settings)
        check_range("candidates", candidates, 1)
        check_range("eta", eta, 1)
        self.candidates = candidates
        self.eta = eta
        self.screen = screen
        self.guide = Guide(space, warm=warm, screen=screen, boldness=boldness) if guided else None

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng = self.rng()
        seen: list[Worth] = [{} for _ in self.ladder.rungs]
        while models := self.draw(seen, rng):
            for rung, known in enumerate(seen):
                worth = yield from self.ask(models, rung)
                known |= worth
                models = promoted(worth, self.eta)

    def draw(self, seen: list[Worth], rng: np.random.Generator) -> list[GraphModel]:
        """Return untried models to start with; none where all are tried."""
        usual = self.space.all_rows
        first = [usual] if self.space.is_valid(usual) and not seen[0] else []
        wanted = self.candidates - len(first)
        if self.guide is not None and (seen[0] or self.guide.informed):
            known = comparable(seen) | dict.fromkeys(first, -np.inf)
            return first + self.guide.pick(known, wanted, rng)
        order = rng.permutation(self.space.count).tolist()
        untried = [
            m for m in map(self.space.__getitem__, order) if m not in seen[0] | dict.fromkeys(first)
        ]
        if self.screen is None:
            return first + untried[:wanted]
        several = untried[: OVERSAMPLE * wanted]
        best = np.argsort(-screened(self.screen, several), kind="stable")[:wanted]
        return first + [several[int(position)] for position in best]


def promoted(worth: Worth, eta: float) -> list[GraphModel]:
    """Return the best models that go on: one of `eta`, at least one, and none that failed."""
    ranked = sorted(worth, key=lambda model: -worth[model])
    kept = ranked[: max(1, int(len(ranked) / eta))]
    return [model for model in kept if worth[model] > -np.inf]


def comparable(seen: list[Worth]) -> Worth:
    """Return each model's score at its highest rung, less what that rung adds to all.

    A rung adds the mean gain of the models that were scored on it and on the one below.
    """
    found, added = dict(seen[0]), 0.0
    for lower, higher in pairwise(seen):
        gains = [higher[model] - lower[model] for model in higher if higher[model] > -np.inf]
        added += float(np.mean(gains)) if gains else 0.0
        found |= {model: score - added for model, score in higher.items()}
    return found
