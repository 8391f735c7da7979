"""Halving by hand: who is promoted, what it costs, and how rungs are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hgl.errors import ConfigError
from hgl.search.evidence import Evidence
from hgl.search.methods import Halving, Random
from hgl.search.methods.halving import comparable, promoted
from hgl.search.model import GraphModel
from hgl.search.regret import replay
from hgl.search.search import Search
from hgl.search.trial import Ladder, Rung, Trial
from tests.search.landscape import Landscape
from tests.search.published import space

MODELS = space("driver-top3")
LADDER = Ladder((Rung(2), Rung(6), Rung(20)))
A, B, C, D = (MODELS[position] for position in range(4))


def test_a_bracket_promotes_the_best_third() -> None:
    rounds = Halving(MODELS, ladder=LADDER, candidates=9, guided=False).rounds()
    lowest = next(rounds)
    assert [trial.rung for trial in lowest] == [0] * 9
    assert lowest[0].model == MODELS.all_rows
    middle = rounds.send({trial: float(n) for n, trial in enumerate(lowest)})
    assert middle == [Trial(lowest[n].model, 1) for n in (8, 7, 6)]
    top = rounds.send({trial: float(n) for n, trial in enumerate(middle)})
    assert top == [Trial(lowest[6].model, 2)]
    following = rounds.send({top[0]: 1.0})
    assert [trial.rung for trial in following] == [0] * 9
    assert not {t.model for t in following} & {t.model for t in lowest}


def test_who_is_promoted() -> None:
    assert promoted({A: 1.0, B: 3.0, C: 2.0, D: 0.0}, 2) == [B, C]
    assert promoted({A: 1.0, B: 3.0}, 4) == [B]
    assert promoted({A: -np.inf, B: -np.inf, C: 1.0, D: -np.inf}, 2) == [C]
    assert promoted({A: -np.inf}, 2) == []


def test_scores_of_rungs_are_compared_less_what_a_rung_adds() -> None:
    seen = [{A: 1.0, B: 2.0, C: 3.0, D: 0.0}, {B: 4.0, C: 7.0}, {C: 7.5}]
    assert comparable(seen) == {A: 1.0, B: 1.0, C: 4.0, D: 0.0}
    assert comparable([{A: 1.0, B: 2.0}, {B: -np.inf}]) == {A: 1.0, B: -np.inf}


@pytest.mark.parametrize("guided", [False, True])
def test_goes_on_until_all_are_tried(guided: bool) -> None:
    models = space("user-repeat")
    search = Search(Halving(models, ladder=LADDER, guided=guided), LADDER, 1000)
    while (trial := search.ask()) is not None:
        search.tell(trial, float(trial.model.mask))
    assert search.done
    assert {t.model for t, _, _ in search.history if t.rung == 0} == set(models)


def test_at_the_same_cost_better_than_random_and_guided_better_still() -> None:
    found: dict[str, list[float]] = {}
    for seed in range(10):
        land = Landscape(MODELS, seed, noise=0.2)
        methods = {
            "random": lambda _, s=seed: Random(MODELS, ladder=LADDER, seed=s),
            "halving": lambda _, s=seed: Halving(MODELS, ladder=LADDER, seed=s, guided=False),
            "guided": lambda _, s=seed: Halving(MODELS, ladder=LADDER, seed=s),
        }
        frame = replay(
            methods,
            LADDER,
            lambda t, x=land: x.score(t, LADDER),
            land.test_at,
            budgets=[20],
            runs=1,
        )
        for name, regret in zip(frame.method, frame.val_regret):
            found.setdefault(name, []).append(regret)
    mean = {name: float(np.mean(regrets)) for name, regrets in found.items()}
    assert mean["halving"] < mean["random"]
    assert mean["guided"] < 0.8 * mean["halving"]


@pytest.mark.parametrize("guided", [False, True])
def test_a_screen_says_who_starts(guided: bool) -> None:
    truth = Landscape(MODELS).truth

    def screen(models: Sequence[GraphModel]) -> np.ndarray:
        return np.array([truth[MODELS.index(model)] for model in models])

    method = Halving(MODELS, ladder=LADDER, guided=guided, screen=screen)
    started = [MODELS.index(trial.model) for trial in next(method.rounds())][1:]
    assert len(started) == 26
    assert truth[started].mean() > 0.8


def test_evidence_says_who_starts() -> None:
    truth = Landscape(MODELS).truth
    evidence = Evidence({model.to_bits(): value for model, value in zip(MODELS, truth)}, "twin")
    method = Halving(MODELS, ladder=LADDER, warm=[evidence], boldness=0.5)
    started = [MODELS.index(trial.model) for trial in next(method.rounds())][1:]
    assert truth[started].mean() > 1


def test_settings_out_of_range() -> None:
    with pytest.raises(ConfigError, match="candidates=0"):
        Halving(MODELS, ladder=LADDER, candidates=0)
    with pytest.raises(ConfigError, match=r"eta=0\.5: expected at least 1"):
        Halving(MODELS, ladder=LADDER, eta=0.5)
