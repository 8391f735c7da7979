"""A policy that learns which actions pay (REINFORCE), as RDB2G-Bench's RL (arXiv:2506.01360)."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hgl.errors import check_range
from hgl.search.actions import ActionPolicy, actions, step
from hgl.search.method import Method, Rounds, Scores
from hgl.search.methods.bananas import bits
from hgl.search.methods.chance import drawn_from
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace
from hgl.search.trial import Trial

BONUS = 0.05
"""Reward for a model at or above the best before it."""
PENALTY = 0.01
"""For going back to a model of the same episode."""
Hidden = tuple[Tensor, Tensor]


class Controller(nn.Module):
    """An LSTM that sees where it is, and scores every action and stopping."""

    def __init__(self, num_bits: int, num_actions: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(num_bits, hidden)
        self.head = nn.Linear(hidden, num_actions + 1)

    def forward(self, x: Tensor, hidden: Hidden | None) -> tuple[Tensor, Hidden]:
        """[1, bits] to [actions + 1] logits, stopping last, and the next hidden state."""
        hidden = self.cell(x, hidden)
        return self.head(hidden[0]).squeeze(0), hidden


@dataclass
class Episode:
    """What was decided, and what it brought."""

    log_probs: list[Tensor] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def loss(self, discount: float) -> Tensor:
        """Minus the log-probabilities, each times its discounted return, standardised."""
        returns: list[float] = []
        following = 0.0
        for reward in reversed(self.rewards):
            following = reward + discount * following
            returns.insert(0, following)
        weights = torch.tensor(returns)
        if len(returns) > 1:
            weights = (weights - weights.mean()) / (weights.std() + 1e-9)
        return -(torch.stack(self.log_probs) * weights).sum()


class Reinforce(Method):
    """Episodes of a few actions from a random model; rewarded by what each gains.

    Differs from the published code: an action is known by what it does to which table, so that its
    weights mean the same in every model; stopping is always allowed; there are as many episodes as
    the budget has room for.

    Args:
        hidden: units of the LSTM.
        lr: of Adam.
        discount: of what follows a step.
        steps: actions of an episode, at most.
        policy: which actions there are.
    Raises: ConfigError: a setting is out of range, or the policy unknown.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        hidden: int = 32,
        lr: float = 0.005,
        discount: float = 0.99,
        steps: int = 5,
        policy: ActionPolicy = "repair",
        **settings: Any,
    ) -> None:
        super().__init__(space, **settings)
        check_range("hidden", hidden, 1)
        check_range("lr", lr, 0)
        check_range("discount", discount, 0, 1)
        check_range("steps", steps, 1)
        self.hidden = hidden
        self.lr = lr
        self.discount = discount
        self.steps = steps
        self.policy = policy
        self.actions = actions(space.reach.encoding, policy)

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng, best = self.rng(), -math.inf
        with drawn_from(rng):
            links = self.space.reach.encoding.links
            controller = Controller(len(links), len(self.actions), self.hidden)
        optimiser = torch.optim.Adam(controller.parameters(), self.lr)
        while True:
            episode = Episode()
            best = yield from self.walk(episode, controller, best, rng)
            if episode.rewards:
                optimiser.zero_grad()
                episode.loss(self.discount).backward()
                optimiser.step()

    def walk(
        self, episode: Episode, controller: Controller, best: float, rng: np.random.Generator
    ) -> Generator[list[Trial], Scores, float]:
        """Take actions until one is to stop; return the best score so far."""
        model, hidden = self.space.sample(rng), None
        worth = yield from self.ask([model])
        for _ in range(self.steps):
            best = max(best, *worth.values())
            targets = self.targets(model)
            logits, hidden = controller(bits(self.space.reach.encoding, [model]), hidden)
            action = choose(logits, targets, episode, rng)
            if action == len(targets):
                break
            following = GraphModel(targets[action], model.reach)
            revisited = following in worth
            worth |= yield from self.ask([following])
            gained = gain(worth[model], worth[following], best)
            episode.rewards.append(-PENALTY if revisited else gained)
            model = following
        return max(best, *worth.values())

    def targets(self, model: GraphModel) -> list[int]:
        """Where each action leads, as a mask; -1 where nowhere else."""
        found = [step(action, model.reach, self.policy, model.mask) for action in self.actions]
        return [-1 if mask == model.mask else mask for mask in found]


def choose(logits: Tensor, targets: list[int], episode: Episode, rng: np.random.Generator) -> int:
    """Draw one of the actions that lead somewhere, or to stop, whose position is the last.

    To stop brings no reward, so it is not learned from.
    """
    legal = torch.tensor([*(target >= 0 for target in targets), True])
    log_probs = logits.masked_fill(~legal, -math.inf).log_softmax(dim=0)
    shares = log_probs.detach().double().exp().numpy()
    action = int(rng.choice(len(shares), p=shares / shares.sum()))
    if action < len(targets):
        episode.log_probs.append(log_probs[action])
    return action


def gain(before: float, after: float, best: float) -> float:
    """Reward of a step: what it gains, and a bonus at or above the best; 0 if either failed."""
    if not (math.isfinite(before) and math.isfinite(after)):
        return 0.0
    return after - before + (BONUS if after >= best else 0.0)
