"""The neural predictor's loss and expected improvement, against plain formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hgl.errors import ConfigError
from hgl.search.methods import Bananas
from hgl.search.methods.bananas import PASSES, SHARE, bits, improvement, scaled, train
from hgl.search.trial import Trial
from tests.search.landscape import FULL, Landscape
from tests.search.published import space

MODELS = space("driver-top3")


def test_candidates_are_untried_neighbours_of_the_best_and_a_sample() -> None:
    method = Bananas(MODELS, ladder=FULL)
    best = MODELS.all_rows
    tried = {best: 1.0, best.neighbours()[0]: 0.5, MODELS[0]: 0.1}
    found = method.candidates(tried, np.random.default_rng(0))
    assert len(set(found)) == len(found)
    assert not set(found) & set(tried)
    around = set(best.neighbours()) - set(tried)
    assert around <= set(found)
    assert len(found) - len(around) <= int(SHARE * MODELS.count)
    assert len(found) > len(around) + 20


def test_nothing_is_left_when_all_are_tried() -> None:
    models = space("user-repeat")
    worth = dict.fromkeys(models, 0.0)
    assert Bananas(models, ladder=FULL).candidates(worth, np.random.default_rng(0)) == []


class Coin(nn.Module):
    """Predicts a model's first bit plus one of two errors, as dropout would."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = torch.arange(PASSES) % 2 * 2.0 - 1

    def forward(self, x: Tensor) -> Tensor:
        turns = self.turn.repeat_interleave(len(x) // PASSES)
        return (x[:, 0] + 0.5 * turns)[:, None]


def test_expected_improvement_is_the_textbooks() -> None:
    found = improvement(Coin(), torch.tensor([[0.0], [1.0], [2.0]]))
    doubt = 0.5 * math.sqrt(PASSES / (PASSES - 1))
    expected = []
    for gain in (-1.0, 0.0, 1.0):
        z = gain / doubt
        below = 0.5 * (1 + math.erf(z / math.sqrt(2)))
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        expected.append(gain * below + doubt * density)
    assert found.tolist() == pytest.approx(expected)


def test_training_learns_the_scores() -> None:
    land = Landscape(MODELS)
    worth = {MODELS[p]: float(land.truth[p]) for p in range(0, 722, 12)}
    torch.manual_seed(0)
    network = Bananas(MODELS, ladder=FULL, dropout=0.0).network()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    x, y = bits(MODELS.reach.encoding, list(worth)), scaled(worth)
    for _ in range(10):
        train(network, optimiser, x, y)
    assert (network(x).squeeze(1) - y).abs().mean() < 0.2 * y.std()


def test_bits_and_scores_of_models() -> None:
    some = [MODELS[3], MODELS.all_rows]
    rows = bits(MODELS.reach.encoding, some).int().tolist()
    assert ["".join(map(str, row)) for row in rows] == [model.to_bits() for model in some]
    assert scaled({MODELS[0]: 2.0, MODELS[1]: -math.inf, MODELS[2]: 4.0}).tolist() == [0, 0, 1]
    assert scaled({MODELS[0]: 2.0}).tolist() == [0]


def test_leaves_torchs_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    rounds = Bananas(MODELS, ladder=FULL).rounds()
    asked = next(rounds)
    rounds.send({trial: float(n) for n, trial in enumerate(asked)})
    assert torch.equal(torch.rand(3), expected)


def test_one_trial_a_round_after_the_start() -> None:
    rounds = Bananas(MODELS, ladder=FULL, start=4).rounds()
    asked = next(rounds)
    assert len(asked) == 4
    scores: dict[Trial, float | None] = dict.fromkeys(asked, 0.0)
    for _ in range(3):
        asked = rounds.send(scores)
        assert len(asked) == 1
        scores = {asked[0]: 1.0}


@pytest.mark.parametrize("name", ["start", "hidden", "dropout", "lr"])
def test_settings_out_of_range(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=-1"):
        Bananas(MODELS, ladder=FULL, **{name: -1})  # type: ignore[arg-type]
