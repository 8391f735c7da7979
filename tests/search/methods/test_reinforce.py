"""Returns by hand, actions that mean the same everywhere, and a policy that learns what pays."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from hgl.errors import ConfigError
from hgl.search.actions import ActionPolicy
from hgl.search.methods import Reinforce
from hgl.search.methods.reinforce import BONUS, Controller, Episode, choose, gain
from hgl.search.model import GraphModel
from tests.search.landscape import FULL
from tests.search.published import space

MODELS = space("driver-top3")


def test_loss_is_minus_log_probability_times_standardised_return() -> None:
    log_probs = torch.tensor([-0.1, -0.7, -2.0], requires_grad=True)
    episode = Episode(list(log_probs), [1.0, 0.0, 2.0])
    returns = torch.tensor([1 + 0.25 * 2, 0.5 * 2, 2.0])
    weights = (returns - returns.mean()) / returns.std()
    assert episode.loss(0.5).item() == pytest.approx(-(log_probs * weights).sum().item())
    alone = Episode([log_probs[0]], [3.0]).loss(0.9)
    assert alone.item() == pytest.approx(0.3)


@pytest.mark.parametrize("policy", ["rdb2g", "repair"])
def test_an_action_does_the_same_in_every_model(policy: ActionPolicy) -> None:
    """Whichever model it is taken in: what it decides reads the same, but for what is pruned."""
    method = Reinforce(MODELS, ladder=FULL, policy=policy)
    for position in range(0, 722, 50):
        model = MODELS[position]
        targets = method.targets(model)
        assert len(targets) == len(method.actions)
        for action, mask in zip(method.actions, targets, strict=True):
            if mask >= 0:
                assert mask == MODELS.reach.prune(action.apply(model.mask))
        reached = {GraphModel(mask, MODELS.reach) for mask in targets if mask >= 0}
        assert reached == set(model.neighbours(policy))


def test_only_what_leads_somewhere_is_chosen_and_stopping_teaches_nothing() -> None:
    rng, episode = np.random.default_rng(0), Episode()
    logits = torch.zeros(4, requires_grad=True)
    drawn = Counter(choose(logits, [5, -1, 9], episode, rng) for _ in range(300))
    assert set(drawn) == {0, 2, 3}
    assert min(drawn.values()) > 60
    assert len(episode.log_probs) == drawn[0] + drawn[2]
    assert episode.log_probs[0].item() == pytest.approx(-math.log(3))
    assert choose(logits, [-1, -1, -1], episode, rng) == 3


def test_rewards() -> None:
    assert gain(0.5, 0.7, 0.9) == pytest.approx(0.2)
    assert gain(0.5, 0.9, 0.9) == pytest.approx(0.4 + BONUS)
    assert gain(0.5, -math.inf, 0.9) == 0
    assert gain(-math.inf, 0.5, 0.4) == 0


def test_an_episode_makes_likelier_what_paid() -> None:
    torch.manual_seed(0)
    controller = Controller(3, 4, 8)
    optimiser = torch.optim.Adam(controller.parameters(), 0.005)
    x, rng = torch.tensor([[1.0, 0.0, 1.0]]), np.random.default_rng(0)
    before = controller(x, None)[0].softmax(dim=0)
    for _ in range(60):
        episode = Episode()
        for _ in range(5):
            action = choose(controller(x, None)[0], [1, 1, 1, 1], episode, rng)
            episode.rewards += [1.0 * (action == 2)] if action < 4 else []
        optimiser.zero_grad()
        episode.loss(0.0).backward()
        optimiser.step()
    after = controller(x, None)[0].softmax(dim=0)
    assert after[2] > 1.5 * before[2]


@pytest.mark.parametrize("name", ["hidden", "lr", "discount", "steps"])
def test_settings_out_of_range(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=-1"):
        Reinforce(MODELS, ladder=FULL, **{name: -1})  # type: ignore[arg-type]
