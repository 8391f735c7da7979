"""What recommenders minimise: losses over the scores of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_NEGATIVES = 16
"""Destinations without a link that each link is compared with."""


def bayesian_ranking(scores: Tensor, linked: Tensor) -> Tensor:
    """-log sigmoid(score of a link - score of another), mean over pairs (BPR, arXiv:1205.2618).

    Args:
        scores, linked: [seeds, destinations].
    Returns: [seeds]; 0 for a seed with links only, or none.
    """
    lots = torch.rand_like(scores).masked_fill(linked > 0, -1.0)
    drawn = lots.topk(min(_NEGATIVES, scores.shape[1]), dim=1)
    others = scores.gather(1, drawn.indices)
    gaps = F.softplus(others.unsqueeze(1) - scores.unsqueeze(2))
    weight = (linked > 0).unsqueeze(2) * (drawn.values >= 0).unsqueeze(1)
    return (gaps * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=1)


def pair_entropy(scores: Tensor, linked: Tensor) -> Tensor:
    """Cross-entropy of every pair, mean over destinations: [seeds]."""
    return F.binary_cross_entropy_with_logits(scores, linked, reduction="none").mean(1)


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bpr": bayesian_ranking,
    "bce": pair_entropy,
}


class Recommendation:
    """A loss over the pairs of a batch; predicts rows of destinations, best first.

    Args:
        loss: `bpr` or `bce`.
        eval_k: recommendations per seed.
    """

    kind = "recommendation"

    def __init__(self, loss: str, eval_k: int) -> None:
        self.out_channels, self._loss = eval_k, LOSSES[loss]

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        """[batch, destinations] scores and links to [batch]."""
        return self._loss(out, target)

    def predict(self, out: Tensor) -> np.ndarray:
        """[n, eval_k] int64 rows, as a `Recommender` returns them, to the same as an array."""
        return out.numpy()
