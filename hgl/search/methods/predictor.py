"""Scores of a whole space predicted from a few, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from hgl.search.methods.features import standardise

PAIRS = (0.1, 0.5, 0.9)
"""Shares that pairs of choices may have in what is explained; the rest is each choice's own."""
NOISE = (0.01, 0.05, 0.2, 0.5)
"""Variances that a trial's noise may have; that of what is explained is 1."""
TRUST = 0.5
"""Weight of evidence before any score, all sources together, and how far each may be off."""


class Prior:
    """A Gaussian process over a space: Bayesian regression on all choices and all their pairs.

    Score = constant + weights times evidence + linear and quadratic kernel over centred one-hots +
    noise. The weights of the evidence are learned with the rest, so that evidence which the scores
    contradict loses its weight (warm start after AutoTransfer, arXiv:2303.07669; expect little).

    Args:
        features: [count, features] of every model of the space.
        evidence: [sources, count] expected scores in any unit.
    """

    def __init__(self, features: np.ndarray, evidence: np.ndarray) -> None:
        centred = features - features.mean(axis=0)
        self._features = centred / np.sqrt((centred**2).sum(axis=1).mean() or 1.0)
        self._evidence = np.array([standardise(x) for x in evidence]).reshape(-1, len(features))
        self._expected = TRUST * self._evidence.sum(axis=0) / max(len(self._evidence), 1)

    def fit(self, positions: np.ndarray, scores: np.ndarray) -> Posterior:
        """Return what is believed after some trials.

        The share of pairs and the noise are those under which the scores are likeliest.

        Args:
            positions: [n] of the models tried; n may be 0.
            scores: [n], higher is better, in any unit.
        """
        rest = standardise(scores) - self._expected[positions]
        _, pairs, noise, lower = max(self._fits(positions, rest), key=lambda fit: fit[0])
        solved = solve_triangular(lower, self.covariance(positions, pairs).T, lower=True)
        mean = self._expected + solved.T @ solve_triangular(lower, rest, lower=True)
        variance = self._variance(pairs) - (solved**2).sum(axis=0)
        return Posterior(self, pairs, noise, mean, np.maximum(variance, 0), solved)

    def covariance(
        self, positions: np.ndarray, pairs: float, among: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """[count, n]: how the scores of all models, or some, and those of n models go together."""
        likeness = self._features[among] @ self._features[positions].T
        weights = TRUST**2 * self._evidence[:, among].T @ self._evidence[:, positions]
        return 1 + (1 - pairs) * likeness + pairs * likeness**2 + weights

    def _variance(self, pairs: float) -> np.ndarray:
        """[count]: the covariance of each model with itself."""
        likeness = (self._features**2).sum(axis=1)
        weights = TRUST**2 * (self._evidence**2).sum(axis=0)
        return 1 + (1 - pairs) * likeness + pairs * likeness**2 + weights

    def _fits(
        self, positions: np.ndarray, rest: np.ndarray
    ) -> Iterator[tuple[float, float, float, np.ndarray]]:
        """Log-likelihood, share of pairs, noise, and Cholesky factor of each setting."""
        for pairs in PAIRS:
            covariance = self.covariance(positions, pairs, positions)
            for noise in NOISE:
                lower = cholesky(covariance + noise * np.eye(len(rest)), lower=True)
                fit = solve_triangular(lower, rest, lower=True)
                yield -fit @ fit / 2 - np.log(np.diag(lower)).sum(), pairs, noise, lower


@dataclass
class Posterior:
    """What is believed of every model, in deviations of the scores seen.

    Attributes:
        mean: [count] expected score.
        variance: [count] of the score, without a trial's noise.
    """

    prior: Prior
    pairs: float
    noise: float
    mean: np.ndarray
    variance: np.ndarray
    solved: np.ndarray
    pretended: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.pretended = self.solved[:0]

    def pretend(self, position: int) -> None:
        """Believe that a model scored as expected: means stay, doubt shrinks (GP-BUCB)."""
        column = self.prior.covariance(np.array([position]), self.pairs)[:, 0]
        for solved in (self.solved, self.pretended):
            column -= solved.T @ solved[:, position]
        row = column / np.sqrt(self.variance[position] + self.noise)
        self.variance = np.maximum(self.variance - row**2, 0)
        self.pretended = np.vstack([self.pretended, row])
