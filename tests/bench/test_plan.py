"""What a user asks for, as cells."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hgl.bench.contender import Contender
from hgl.bench.plan import Plan, chosen, seed_list
from hgl.bench.suite import Suite
from hgl.bench.tuning import draws
from hgl.errors import ConfigError
from tests.bench.made import CELL

CONTENDERS = {
    "constant": Contender("constant", network=False, seeded=False, baseline=True),
    "mlp": Contender("mlp", network=False, baseline=True, space={"model.lr": [1, 2]}),
    "rhgnn": Contender("rhgnn"),
    "latte": Contender("latte"),
    "popularity": Contender("popularity", recommends=True, baseline=True),
    "idgnn": Contender("idgnn", recommends=True),
}
SUITE = Suite(
    "s",
    {"late": {"words": ["history=true"], "network": ["trainer.max_epochs=2"]}},
    ("rhgnn",),
    network=("experiment=e",),
    own={"rhgnn": {"late": ["model.channels=8"]}},
)


def plan(**changes: Any) -> Plan:
    asked: dict[str, Any] = {"models": SUITE.models, "policies": ["rolling"], "cuts": ["inclusive"]}
    asked |= {"seeds": [0, 1], "suite": SUITE, "questions": [CELL.question], **changes}
    return Plan(contenders=CONTENDERS, source=CELL.source, **asked)


def test_a_grid_has_every_contender_and_seed_once() -> None:
    cells = plan().cells()
    found = [(cell.contender, cell.seed) for cell in cells]
    assert found == [("constant", 0), ("mlp", 0), ("mlp", 1), ("rhgnn", 0), ("rhgnn", 1)]
    assert len({cell.id for cell in cells}) == len(cells)


def test_baselines_stand_beside_whoever_is_asked_for() -> None:
    assert {cell.contender for cell in plan(models=["latte"]).cells()} == {
        "constant",
        "mlp",
        "latte",
    }


def test_each_task_has_those_who_answer_its_kind() -> None:
    buys = dataclasses.replace(CELL.question, name="buys", kind="recommendation")
    suite = dataclasses.replace(SUITE, tasks={**SUITE.tasks, "buys": {}})
    asked = plan(suite=suite, questions=[CELL.question, buys], models=["rhgnn", "idgnn"])
    found = [(cell.question.name, cell.contender) for cell in asked.bases()]
    assert found == [
        *(("late", "constant"), ("late", "mlp"), ("late", "rhgnn")),
        *(("buys", "popularity"), ("buys", "idgnn")),
    ]
    assert asked.idle == []
    assert plan(models=["rhgnn", "idgnn"]).idle == ["idgnn"]


def test_each_contender_gets_its_words_and_no_others() -> None:
    words = {cell.contender: cell.words for cell in plan(words=["sampling=smoke"]).cells()}
    assert words["mlp"] == ("model=mlp", "history=true", "sampling=smoke")
    assert words["rhgnn"] == (
        *("model=rhgnn", "history=true", "experiment=e", "trainer.max_epochs=2"),
        *("model.channels=8", "sampling=smoke"),
    )


def test_a_regime_makes_another_cell() -> None:
    cells = plan(policies=["rolling", "frozen"], cuts=["inclusive", "strict"]).cells()
    assert len({cell.id for cell in cells}) == 4 * 5


def test_tuning_is_stated_where_there_is_something_to_tune() -> None:
    (base,) = [cell for cell in plan().bases() if cell.contender == "mlp"]
    cells = plan().cells({base: ("model.lr=2",)}, trials=2)
    assert {cell.contender: cell.trials for cell in cells} == {"constant": 0, "mlp": 2, "rhgnn": 0}
    assert all(cell.words[-1] == "model.lr=2" for cell in cells if cell.contender == "mlp")


def test_a_trial_never_sees_test() -> None:
    (base,) = [cell for cell in plan().bases() if cell.contender == "mlp"]
    trials = plan().trials(base, draws(CONTENDERS["mlp"].space, 3, "x"))
    assert all("test=false" in cell.train_words for cell in trials)
    assert "test=false" not in base.train_words


def test_draws_begin_with_the_stated_settings_and_differ() -> None:
    space = {"a": [1, 2, 3], "b": [1, 2, 3]}
    found = draws(space, 5, "x")
    assert found[0] == ()
    assert len(set(found)) == 5
    assert found == draws(space, 5, "x")
    assert len(draws({"a": [1, 2, 2]}, 50, "x")) == 3
    assert draws({}, 50, "x") == [()]


@pytest.mark.parametrize(
    ("text", "expected"), [("3", [0, 1, 2]), ("0,3,7", [0, 3, 7]), ("4,", [4]), (" 2 ", [0, 1])]
)
def test_seeds_are_a_number_or_a_list(text: str, expected: list[int]) -> None:
    assert seed_list(text) == expected


@pytest.mark.parametrize("text", ["", "0", "x", "1,x", "1,1", "-1", "1.5", ",", "1,,2"])
def test_a_bad_seed_list_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="seeds="):
        seed_list(text)


def test_an_unknown_name_comes_with_a_near_one() -> None:
    with pytest.raises(ConfigError, match=r"model='rhgn' \(did you mean rhgnn\?\)"):
        chosen("model", "latte,rhgn", list(CONTENDERS))
    with pytest.raises(ConfigError, match="comes twice"):
        chosen("model", "latte,latte", list(CONTENDERS))
