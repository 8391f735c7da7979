"""Which models of a space to try next, by what is predicted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hgl.errors import ConfigError, check_range
from hgl.search.evidence import Evidence, Screen
from hgl.search.methods.features import describe
from hgl.search.methods.predictor import Prior
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace

DECIMALS = 9
"""Of a bound. Models that stand for the same tie exactly, whatever a machine's rounding says."""


class Guide:
    """Picks models by upper confidence bound, several at a time (GP-BUCB, arXiv:1206.6402).

    Args:
        space: what is searched; it is listed.
        warm: scores of other tasks or networks on the same schema.
        screen: cheap scores of all models.
        boldness: deviations of doubt that count for a model, on average: each pick draws its own,
            from 0 to twice as much, so that searches of different seeds go different ways
            (randomised GP-UCB, arXiv:2302.01511, with a bounded draw).
    Raises: ConfigError: `boldness` is below 0, evidence names fewer than two models of the space,
        or a screen's scores are not finite, or not as many as it was asked for.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        warm: Sequence[Evidence] = (),
        screen: Screen | None = None,
        boldness: float = 1.0,
    ) -> None:
        check_range("boldness", boldness, 0)
        self.space = space
        self.boldness = boldness
        features = describe(space.reach.encoding, space.masks)
        plain = Prior(features, np.empty((0, space.count)))
        sources = [spread(evidence, space, plain) for evidence in warm]
        if screen is not None:
            sources.append(screened(screen, list(space)))
        self.informed = bool(sources)
        self._prior = Prior(features, np.array(sources)) if sources else plain

    def pick(
        self, worth: Mapping[GraphModel, float], count: int, rng: np.random.Generator
    ) -> list[GraphModel]:
        """Return the most promising models among those not tried, at most `count`.

        Args:
            worth: scores of the models tried; minus infinity, of a failed one, is taken for the
                worst of the others.
        """
        positions = np.array([self.space.index(model) for model in worth], int)
        belief = self._prior.fit(positions, filled(np.array(list(worth.values()))))
        untried = np.ones(self.space.count, bool)
        untried[positions] = False
        picked = []
        for _ in range(min(count, int(untried.sum()))):
            boldness = rng.uniform(0, 2 * self.boldness)
            bound = belief.mean + boldness * np.sqrt(belief.variance)
            best = int(np.where(untried, bound.round(DECIMALS), -np.inf).argmax())
            belief.pretend(best)
            untried[best] = False
            picked.append(self.space[best])
        return picked


def filled(scores: np.ndarray) -> np.ndarray:
    """Return scores with the worst of them for those that are minus infinity; 0 if all are."""
    finite = np.isfinite(scores)
    return np.where(finite, scores, scores[finite].min() if finite.any() else 0.0)


def screened(screen: Screen, models: Sequence[GraphModel]) -> np.ndarray:
    """Return a screen's scores of some models.

    Raises: ConfigError: they are not finite, or not as many.
    """
    scores = np.asarray(screen(models), float)
    if scores.shape != (len(models),) or not np.isfinite(scores).all():
        raise ConfigError(
            f"screen: {scores.shape} scores of {len(models)} models: expected one each, all finite"
        )
    return scores


def spread(evidence: Evidence, space: SpecSpace, prior: Prior) -> np.ndarray:
    """[count]: what a task's own predictor says of every model.

    Raises: ConfigError: the evidence names fewer than two models of the space.
    """
    named = ((space.from_bits(bits), score) for bits, score in evidence.scores.items())
    known = {space.index(model): score for model, score in named if space.is_valid(model)}
    if len(known) < 2:
        raise ConfigError(
            f"evidence {evidence.name!r} has {len(known)} models of the space: expected two or more"
        )
    return prior.fit(np.array(list(known)), np.array(list(known.values()))).mean
