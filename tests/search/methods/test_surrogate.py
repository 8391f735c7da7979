"""The surrogate starts well spread, is better than random, and takes hints for what they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hgl.errors import ConfigError
from hgl.search.evidence import Evidence
from hgl.search.methods import GreedyForward, Random, Surrogate
from hgl.search.methods.greedy import smallest
from hgl.search.methods.guide import Guide, filled
from hgl.search.model import GraphModel
from hgl.search.regret import replay
from tests.search.landscape import FULL, Landscape
from tests.search.published import space

MODELS = space("driver-top3")

RNG = np.random.default_rng(0)


def mean_regret(make: object, seeds: int = 10, **arguments: object) -> dict[str, float]:
    """Mean validation regret at 5 % of the space, each seed with a landscape of its own."""
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        land = Landscape(MODELS, seed)
        methods = make(seed, land)  # type: ignore[operator]
        frame = replay(methods, FULL, land.score, land.test_at, budgets=[36], runs=1)
        for name, regret in zip(frame.method, frame.val_regret):
            found.setdefault(name, []).append(regret)
    return {name: float(np.mean(regrets)) for name, regrets in found.items()}


def test_better_than_random_and_greedy() -> None:
    regret = mean_regret(
        lambda seed, land: {
            "surrogate": lambda _: Surrogate(MODELS, ladder=FULL, seed=seed),
            "random": lambda _: Random(MODELS, ladder=FULL, seed=seed),
            "greedy": lambda _: GreedyForward(MODELS, ladder=FULL, seed=seed),
        }
    )
    assert regret["surrogate"] < 0.6 * regret["random"]
    assert regret["surrogate"] < 0.6 * regret["greedy"]
    assert regret["surrogate"] < 0.08


def test_starts_with_single_relations_and_all_rows() -> None:
    first = Surrogate(MODELS, ladder=FULL, start=7).first(RNG)
    single = smallest(MODELS)
    assert set(first[: len(single)]) == set(single)
    assert first[len(single)] == MODELS.all_rows
    assert len(set(first)) == 7


def test_good_evidence_helps_and_bad_evidence_is_survived() -> None:
    def evidence(land: Landscape, sign: float) -> list[Evidence]:
        rng = np.random.default_rng(0)
        picked = rng.choice(MODELS.count, 60, replace=False)
        scores = {MODELS[int(p)].to_bits(): sign * 100 * land.truth[p] + 7 for p in picked}
        return [Evidence(scores, "other")]

    regret = mean_regret(
        lambda seed, land: (
            {
                name: lambda _, warm=warm: Surrogate(MODELS, ladder=FULL, seed=seed, warm=warm)
                for name, warm in {
                    "alone": [],
                    "warm": evidence(land, 1),
                    "misled": evidence(land, -1),
                }.items()
            }
            | {"random": lambda _: Random(MODELS, ladder=FULL, seed=seed)}
        )
    )
    assert regret["warm"] <= regret["alone"]
    assert regret["misled"] < regret["random"]


def test_a_screen_is_tried_first() -> None:
    land = Landscape(MODELS)

    def screen(models: Sequence[GraphModel]) -> np.ndarray:
        return np.array([land.truth[MODELS.index(model)] for model in models])

    first = Surrogate(MODELS, ladder=FULL, screen=screen, boldness=0).first(RNG)
    best = MODELS[int(land.truth.argmax())]
    assert best in first


def test_failed_models_are_as_bad_as_the_worst() -> None:
    assert filled(np.array([3.0, -np.inf, 1.0])).tolist() == [3, 1, 1]
    assert filled(np.array([-np.inf])).tolist() == [0]


def test_picks_until_nothing_is_left() -> None:
    models = space("user-repeat")
    guide = Guide(models)
    worth = dict.fromkeys(list(models)[:212], 0.0)
    assert sorted(guide.pick(worth, 9, RNG)) == list(models)[212:]
    assert guide.pick(dict.fromkeys(models, 0.0), 2, RNG) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "batch=0"),
        ({"start": 0}, "start=0"),
        ({"boldness": -1.0}, r"boldness=-1\.0"),
        ({"screen": lambda models: np.zeros(3)}, r"screen: \(3,\) scores of 722 models"),
        ({"screen": lambda models: np.full(722, np.nan)}, "all finite"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Surrogate(MODELS, ladder=FULL, **settings)  # type: ignore[arg-type]


def test_evidence_that_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="evidence 'x' of 1 scores: expected two or more"):
        Evidence({"0" * 16: 1.0}, "x")
    with pytest.raises(ConfigError, match=r"'x' of 2 scores: .* all finite"):
        Evidence({"0" * 16: 1.0, "1" * 16: float("nan")}, "x")
    cut_off = Evidence({"0" * 16: 1.0, "1" + "0" * 15: 2.0}, "other")
    with pytest.raises(ConfigError, match="evidence 'other' has 0 models of the space"):
        Surrogate(MODELS, ladder=FULL, warm=[cut_off])
