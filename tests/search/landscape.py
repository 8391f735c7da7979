"""Made-up scores of a space: each choice adds, some pairs add, and every look is noisy."""

from __future__ import annotations

import numpy as np

from hgl.search.methods.features import describe
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Rung, Trial

FULL = Ladder((Rung(20, 3),))
"""One rung only."""


class Landscape:
    """Scores with standard deviation 1 over the space, plus noise, another for validation and test.

    A lower rung's noise is larger, by the square root of how much less it trains.
    """

    def __init__(
        self, space: SpecSpace, seed: int = 0, *, pairs: float = 0.5, noise: float = 0.3
    ) -> None:
        self.space = space
        rng = np.random.default_rng(seed)
        features = describe(space.reach.encoding, space.masks)
        single = _unit(features @ rng.normal(size=features.shape[1]))
        first, second = rng.integers(features.shape[1], size=(2, 20))
        joint = _unit((features[:, first] * features[:, second]) @ rng.normal(size=20))
        self.truth = _unit(np.sqrt(1 - pairs) * single + np.sqrt(pairs) * joint)
        self.val_noise, self.test_noise = noise * rng.normal(size=(2, space.count))

    def score(self, trial: Trial, ladder: Ladder = FULL) -> float | None:
        """Validation, higher is better."""
        position = self.space.index(trial.model)
        share = ladder.rungs[trial.rung].work / ladder.rungs[-1].work
        return float(self.truth[position] + self.val_noise[position] / np.sqrt(share))

    def test_at(self, position: int) -> float:
        """Test, higher is better."""
        return float(self.truth[position] + self.test_noise[position])


def _unit(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()
