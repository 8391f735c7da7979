"""A planted additive truth is found, with intervals that hold it as often as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hgl.search.model import GraphModel
from hgl.search.report import Result, Scored
from hgl.search.report.effects import effects, effects_rung
from hgl.search.trial import Ladder, Rung
from tests.search.published import space
from tests.search.report.made import searched

KEYS = {"qualifying.driverId": 0.02, "results.driverId": -0.03, "results.raceId": 0.01}
ROLES = {("standings", "edge"): 0.05, ("standings", "node"): 0.02, ("results", "node"): -0.01}


def keys_truth(model: GraphModel) -> float:
    return 0.7 + sum(KEYS.get(f"{table}.{fkey}", 0) for table, fkey in model.fkeys)


def roles_truth(model: GraphModel) -> float:
    return 0.7 + sum(ROLES.get(made, 0) for made in model.roles.items())


def rows(frame: pd.DataFrame, choice: str) -> pd.DataFrame:
    return frame[frame["choice"] == choice].set_index("what")


def test_planted_keys_are_found_exactly_without_noise() -> None:
    found = rows(effects(searched(truth=keys_truth, noise=0, models=120)), "kept, not dropped")
    expected = [KEYS.get(what, 0) for what in found.index]
    assert found["effect"].to_numpy() == pytest.approx(expected, abs=1e-9)


def test_planted_roles_are_found_exactly_without_noise() -> None:
    frame = effects(searched(truth=roles_truth, noise=0, models=200))
    assert rows(frame, "rows, not out").loc["standings", "effect"] == pytest.approx(0.02)
    assert rows(frame, "edges, not out").loc["standings", "effect"] == pytest.approx(0.05)
    assert rows(frame, "edges, not rows").loc["standings", "effect"] == pytest.approx(0.03)
    assert rows(frame, "rows, not out").loc["results", "effect"] == pytest.approx(-0.01)
    assert rows(frame, "rows, not out").loc["qualifying", "effect"] == pytest.approx(0, abs=1e-9)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held, told = 0, 0
    for seed in range(100):
        result = searched(truth=keys_truth, noise=0.02, models=80, seed=seed)
        found = rows(effects(result), "kept, not dropped").dropna()
        truth = np.array([KEYS.get(what, 0) for what in found.index])
        held += int(((found["low"] <= truth) & (truth <= found["high"])).sum())
        told += len(found)
    assert told > 1000
    assert 0.92 < held / told < 0.985


def test_verdicts_follow_the_interval() -> None:
    frame = effects(searched(truth=keys_truth, noise=0.002, models=150))
    found = rows(frame, "kept, not dropped")["verdict"]
    assert found["qualifying.driverId"] == "helps"
    assert found["results.driverId"] == "hurts"
    held = (frame["low"] <= 0) & (frame["high"] >= 0)
    assert (frame.loc[held, "verdict"] == "undecided").all()
    assert not (frame.loc[~held, "verdict"] == "undecided").any()


def test_a_choice_that_never_varied_is_not_identifiable() -> None:
    result = searched(models=120)
    kept = [t for t in result.scored if t.model.roles["standings"] == "out" and t.rung == 0]
    frame = effects(replace(result, scored=tuple(kept), winner=_first(kept)))
    never = frame[frame["what"].str.startswith("standings")]
    assert len(never) == 5
    assert never[["effect", "low", "high"]].isna().all(axis=None)
    assert set(never["verdict"]) == {"not identifiable"}
    assert set(never["num_models"]) == {0}


def _first(trials: list[Scored]) -> GraphModel:
    return next(trial.model for trial in trials if trial.score is not None)


def test_what_no_model_draws_is_left_out() -> None:
    """Circuits' own rows are three keys away from drivers, constructors' standings two edges."""
    drawn = {t for m in space("driver-top3") for t, role in m.roles.items() if role != "out"}
    frame = effects(searched(models=20))
    tables = frame[frame["choice"] == "rows, not out"]["what"]
    assert set(tables) == drawn - {"drivers"}
    assert "drivers" not in set(frame["what"])


def test_counts_are_those_of_the_models() -> None:
    result = searched(models=50)
    used = [t.model for t in result.scored if t.rung == 0 and t.score is not None]
    found = rows(effects(result), "edges, not rows").loc["standings"]
    made = [model.roles["standings"] for model in used]
    assert (found["num_models"], found["num_others"]) == (made.count("edge"), made.count("node"))


def test_highest_rung_with_enough_models() -> None:
    result = searched(models=80)
    assert effects_rung(result) == 0
    assert effects_rung(_all_at_the_top(result)) == 1


def test_rung_with_most_models_where_none_has_enough() -> None:
    assert effects_rung(searched(models=30)) == 0
    both = searched(models=1, seed=1)
    assert [trial.rung for trial in both.scored] == [0, 0, 1, 1]
    assert effects_rung(both) == 1


def _all_at_the_top(result: Result) -> Result:
    lower = [trial for trial in result.scored if trial.rung == 0]
    ladder = Ladder((Rung(1), Rung(2)))
    return replace(result, scored=tuple(replace(t, rung=1) for t in lower), ladder=ladder)


def test_few_models_give_effects_without_false_certainty() -> None:
    frame = effects(searched(models=3))
    assert set(frame["verdict"]) <= {"undecided", "not identifiable"}
