"""Optuna's proposals become models and back, and what it is told is true."""

from __future__ import annotations

import sys
from itertools import product

import pytest

from hgl.errors import ConfigError, MissingExtra
from hgl.search.methods import Tpe
from hgl.search.methods.tpe import choices
from hgl.search.model import GraphModel
from hgl.search.regret import replay
from hgl.search.search import Search
from hgl.search.space import SpecSpace
from hgl.search.trial import Trial
from tests.search.landscape import FULL, Landscape
from tests.search.published import schema, space


@pytest.mark.parametrize("task", ["user-repeat", "driver-top3", "site-sponsor-run"])
def test_states_stand_for_every_model(task: str) -> None:
    models = space(task)
    method = Tpe(models, ladder=FULL)
    found = set()
    for combined in product(*(range(len(states)) for states in method.choices.values())):
        model = method.model(dict(zip(method.choices, combined, strict=True)))
        found |= {model} if models.is_valid(model) else set()
    assert found == set(models)
    assert all(method.model(method.params(model)) == model for model in models)


def test_what_is_never_reached_is_no_choice() -> None:
    far = SpecSpace(schema(a={"b": "b"}, b={"c": "c"}, c={"d": "d"}, d={"e": "e"}, e={}), "a")
    assert list(choices(far.reach)) == ["a.b", "b.c"]


def test_optuna_is_told_the_score_of_each_proposal() -> None:
    models = space("site-sponsor-run")
    method = Tpe(models, ladder=FULL)
    told: list[tuple[GraphModel, float | None]] = []

    class Spy:
        """Optuna's study, as far as it is used."""

        def __init__(self) -> None:
            sampler = method.optuna.samplers.RandomSampler(seed=0)
            self.study = method.optuna.create_study(direction="maximize", sampler=sampler)

        def ask(self, kinds: object) -> object:
            return self.study.ask(kinds)

        def tell(self, trial: object, score: float | None = None, state: object = None) -> None:
            told.append((method.model(trial.params), score))  # type: ignore[attr-defined]
            self.study.tell(trial, score, state=state)

    worth = {model: float(model.mask) for model in list(models)[::2]}
    spy = Spy()
    for _ in range(30):
        method.propose(spy, worth)
    assert any(model in worth for model, _ in told)
    assert any(not models.is_valid(model) for model, _ in told)
    assert all(score == worth.get(model) for model, score in told)


def test_finds_all_of_a_small_space() -> None:
    """Proposals repeat themselves in the end; then what is left is drawn at random."""
    models = SpecSpace(schema(u={}, v={}, likes={"a": "u", "b": "v"}, posts={"by": "u"}), "u")
    search = Search(Tpe(models, ladder=FULL), FULL, 100)
    while (trial := search.ask()) is not None:
        search.tell(trial, float(trial.model.mask))
    assert sorted(t.model for t, _, _ in search.history) == list(models)


def test_rounds_of_several() -> None:
    rounds = Tpe(space("user-repeat"), ladder=FULL, batch=3).rounds()
    scores: dict[Trial, float | None] = dict.fromkeys(next(rounds), 1.0)
    assert 2 <= len(scores) <= 3
    assert 2 <= len(rounds.send(scores)) <= 3


def test_better_than_nothing() -> None:
    models = space("driver-top3")
    land = Landscape(models, noise=0.0)
    methods = {"tpe": lambda run: Tpe(models, ladder=FULL, seed=run)}
    frame = replay(methods, FULL, land.score, land.test_at, budgets=[10, 100], runs=4)
    means = frame.groupby("budget").val_regret.mean()
    assert means[100] < 0.5 * means[10]


def test_without_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"searching by TPE needs Optuna: .*\[search\]"):
        Tpe(space("user-repeat"), ladder=FULL)


@pytest.mark.parametrize("name", ["start", "batch"])
def test_settings_out_of_range(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=-1"):
        Tpe(space("user-repeat"), ladder=FULL, **{name: -1})  # type: ignore[arg-type]
