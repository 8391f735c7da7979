"""Bayesian optimisation with a neural predictor (BANANAS, arXiv:1910.11858)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hgl.errors import check_range
from hgl.search.actions import ActionPolicy, actions
from hgl.search.encoding import Encoding
from hgl.search.method import Method, Rounds, Worth
from hgl.search.methods.chance import drawn_from
from hgl.search.methods.guide import filled
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace

EPOCHS = 50
"""Of training before each trial."""
BATCH = 32
PASSES = 50
"""Predictions with dropout, whose spread is the doubt."""
SHARE = 0.05
"""Of the space, drawn at random as candidates."""


class Bananas(Method):
    """Tries the candidate that dropout expects to improve most, one by one.

    Differs from RDB2G-Bench's BO: candidates are the untried neighbours of the best model and a
    random sample, not the sample only where there are none; the loss knows the worst score seen,
    not the worst there is.

    Args:
        start: random models to start with.
        hidden: units of both hidden layers.
        dropout: share of them left out at a time.
        lr: of Adam.
        policy: which actions lead to neighbours.
    Raises: ConfigError: a setting is out of range, or the policy unknown.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        start: int = 10,
        hidden: int = 32,
        dropout: float = 0.1,
        lr: float = 1e-3,
        policy: ActionPolicy = "repair",
        **settings: Any,
    ) -> None:
        super().__init__(space, **settings)
        check_range("start", start, 1)
        check_range("hidden", hidden, 1)
        check_range("dropout", dropout, 0, 0.99)
        check_range("lr", lr, 0)
        actions(space.reach.encoding, policy)
        self.start = start
        self.hidden = hidden
        self.dropout = dropout
        self.lr = lr
        self.policy = policy

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng = self.rng()
        with drawn_from(rng):
            network = self.network()
        optimiser = torch.optim.Adam(network.parameters(), self.lr, fused=True)
        size = min(self.start, self.space.count)
        first = rng.choice(self.space.count, size, replace=False)
        worth = yield from self.ask(self.space[int(position)] for position in first)
        while candidates := self.candidates(worth, rng):
            with drawn_from(rng):
                train(
                    network, optimiser, bits(self.space.reach.encoding, list(worth)), scaled(worth)
                )
                hope = improvement(network, bits(self.space.reach.encoding, candidates))
            worth |= yield from self.ask([candidates[int(hope.argmax())]])

    def network(self) -> nn.Sequential:
        """Return a new predictor of bits, [n, links] to [n, 1]."""
        width = len(self.space.reach.encoding.links)
        return nn.Sequential(
            *(nn.Linear(width, self.hidden), nn.ReLU(), nn.Dropout(self.dropout)),
            *(nn.Linear(self.hidden, self.hidden), nn.ReLU(), nn.Dropout(self.dropout)),
            nn.Linear(self.hidden, 1),
        )

    def candidates(self, worth: Worth, rng: np.random.Generator) -> list[GraphModel]:
        """Return untried neighbours of the best model, and untried models drawn at random."""
        best = max(worth, key=lambda model: worth[model])
        drawn = rng.permutation(self.space.count)
        untried = (m for m in map(self.space.__getitem__, drawn.tolist()) if m not in worth)
        wanted = max(1, int(SHARE * self.space.count))
        around = [model for model in best.neighbours(self.policy) if model not in worth]
        sample = [model for model, _ in zip(untried, range(wanted), strict=False)]
        return list(dict.fromkeys(around + sample))


def bits(encoding: Encoding, models: list[GraphModel]) -> Tensor:
    """[n, links] float32: the choices of n models."""
    masks = np.array([model.mask for model in models])
    columns = [masks & link.bit != 0 for link in encoding.links]
    return torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))


def scaled(worth: Worth) -> Tensor:
    """[n]: scores from 0, the worst seen, to 1, the best."""
    scores = filled(np.array(list(worth.values())))
    return torch.from_numpy((scores - scores.min()) / (np.ptp(scores) or 1.0)).float()


def train(network: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    """Lower the mean of |(prediction - b) / (y - b) - 1|, so that good models weigh less amiss.

    The bound b is as far below the worst score as the best is above it.
    """
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):
            error = (network(x[chosen]).squeeze(1) - y[chosen]).abs() / (y[chosen] + 1)
            optimiser.zero_grad()
            error.mean().backward()
            optimiser.step()


@torch.no_grad()
def improvement(network: nn.Module, x: Tensor) -> Tensor:
    """[n]: by how much each model is expected to pass the best seen, which scores 1."""
    predicted = network(x.repeat(PASSES, 1)).view(PASSES, len(x)).double()
    gain, doubt = predicted.mean(dim=0) - 1, predicted.std(dim=0).clamp(min=1e-9)
    ratio, normal = gain / doubt, torch.distributions.Normal(0.0, 1.0)
    return gain * normal.cdf(ratio) + doubt * normal.log_prob(ratio).exp()
