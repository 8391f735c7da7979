"""A search finds the same whoever works at it, keeps what fails, and looks at test last."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hgl.errors import CacheError, ConfigError, TrainingError
from hgl.search.effort import Effort
from hgl.search.evaluator import Evaluator
from hgl.search.methods import Halving
from hgl.search.plan import finalists
from hgl.search.report import Result, Scored
from hgl.search.store import TrialStore
from hgl.search.trial import Trial
from tests.search.market import evaluator, experiment
from tests.search.market_search import fails_with_letters, plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, list[Scored], Path]:
    """A search by one process, and what it told."""
    folder, told = tmp_path_factory.mktemp("alone"), list[Scored]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Evaluator, "test", _unread)
        _, result = plan(folder).conduct(told.append)
    return result, told, folder


def _unread(*_: object, **__: object) -> float:
    raise AssertionError("a test metric was asked for")


def found(result: Result) -> dict[tuple[str, int], tuple[float, ...]]:
    return {(t.model.to_bits(), t.rung): t.by_seed for t in result.scored}


def help_with(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.search.market_search", folder], cwd=ROOT)


def test_a_search_explores_then_confirms(alone: tuple[Result, list[Scored], Path]) -> None:
    result, told, folder = alone
    explored = [t for t in told if t.rung == 0]
    confirmed = [t for t in told if t.rung == 1]
    assert tuple(told) == result.scored
    assert len(explored) == 4  # of 7 trainings, three are kept for the finalist and the default
    assert result.default == evaluator().space.all_rows
    best = max(explored, key=lambda t: t.score or 0)
    assert {t.model for t in confirmed} == {best.model, result.default}
    assert all(len(t.by_seed) == 2 for t in confirmed)
    assert result.winner == max(confirmed, key=lambda t: t.score or 0).model
    store = TrialStore(folder / "trials.sqlite")
    frame = store.frame()
    assert set(frame["state"]) == {"done"}
    assert len(frame) == round(told[-1].spent) <= 7


def test_test_is_seen_for_the_winner_and_the_default(
    alone: tuple[Result, list[Scored], Path],
) -> None:
    result, _, folder = alone
    search = plan(folder)
    worker, again = search.conduct(lambda trial: None)
    assert found(again) == found(result)
    held_out = search.hold_out(worker, again).held_out
    assert held_out is not None
    assert held_out.default is not None
    assert len(held_out.winner) == len(held_out.default) == 2
    assert all(0 <= score <= 1 for score in held_out.winner + held_out.default)


def test_two_processes_find_what_one_does(
    alone: tuple[Result, list[Scored], Path], tmp_path: Path
) -> None:
    other = help_with(tmp_path)
    _, result = plan(tmp_path).conduct(lambda trial: None)
    assert other.wait(120) == 0
    assert found(result) == found(alone[0])
    assert result.winner == alone[0].winner
    frame = TrialStore(tmp_path / "trials.sqlite").frame()
    assert set(frame["attempts"]) == {1}


def test_a_killed_process_loses_no_more_than_its_trial(
    alone: tuple[Result, list[Scored], Path], tmp_path: Path
) -> None:
    other = help_with(tmp_path)
    deadline = time.monotonic() + 120
    while not _some_done(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    other.send_signal(signal.SIGKILL)
    other.wait()
    before = TrialStore(tmp_path / "trials.sqlite").frame()
    assert (before["state"] == "claimed").sum() <= 1
    _, result = plan(tmp_path).conduct(lambda trial: None)
    assert found(result) == found(alone[0])
    frame = TrialStore(tmp_path / "trials.sqlite").frame()
    assert (frame["attempts"] > 1).sum() <= 1
    assert set(frame["state"]) == {"done"}


def _some_done(folder: Path) -> bool:
    if not (folder / "trials.sqlite").exists():
        return False
    frame = TrialStore(folder / "trials.sqlite").frame()
    return bool((frame["state"] == "done").any())


def test_a_second_search_shares_the_trials_of_the_first(
    alone: tuple[Result, list[Scored], Path], tmp_path: Path
) -> None:
    folder = alone[2]
    store = TrialStore(folder / "trials.sqlite")
    before = store.frame()
    other = plan(tmp_path, where=str(folder / "trials.sqlite"), name="other")
    _, result = other.conduct(lambda trial: None)
    assert found(result) == found(alone[0])
    assert len(store.frame()) == len(before)


def test_a_supernet_can_come_first(tmp_path: Path) -> None:
    search = dataclasses.replace(
        plan(tmp_path), effort=Effort(((1, 1),), 4.0, 1, 1, supernet=1), method=Halving
    )
    _, result = search.conduct(lambda trial: None)
    assert max(trial.spent for trial in result.scored) <= 3
    assert list((tmp_path / "supernet").glob("*/model.safetensors"))


def test_a_failing_trial_is_kept_and_the_search_goes_on(tmp_path: Path) -> None:
    failing = dataclasses.replace(experiment(), model=fails_with_letters)
    effort = Effort(((2, 1),), 9.0, 1, 2)
    search = plan(tmp_path, experiment=failing, settings="picky", effort=effort)
    _, result = search.conduct(lambda trial: None)
    failed = [t for t in result.scored if t.score is None]
    assert failed
    assert all(t.model.roles["letters"] == "node" for t in failed)
    assert all(t.error == "KeyError: 'no letters, please'" for t in failed)
    assert result.winner.roles["letters"] == "out"


def test_nothing_works(tmp_path: Path) -> None:
    failing = dataclasses.replace(experiment(), model=_fails)
    search = plan(tmp_path, experiment=failing, settings="hopeless")
    with pytest.raises(TrainingError, match=r"every graph model failed.*nothing goes"):
        search.conduct(lambda trial: None)


def _fails(**_: object) -> None:
    raise TrainingError("nothing goes")


def test_another_search_of_that_name(alone: tuple[Result, list[Scored], Path]) -> None:
    with pytest.raises(CacheError, match="settings='small', expected 'others'"):
        plan(alone[2], settings="others").conduct(lambda trial: None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"budget": 0.0}, "budget=0: expected more than the 3 trainings"),
        ({"budget": 3.0}, "budget=3: expected more than the 3 trainings"),
        ({"finalists": 0}, "finalists=0"),
        ({"final_seeds": 0}, "final_seeds=0"),
        ({"rungs": ()}, "rungs"),
    ],
)
def test_settings_that_leave_no_search(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Effort(**{"rungs": ((2, 1),), "budget": 7.0, "finalists": 1, "final_seeds": 2} | changed)


def test_finalists_are_of_the_highest_rung() -> None:
    space = evaluator().space
    history = [(Trial(space[i], i // 2), float(-i), 1.0) for i in range(4)]
    history.append((Trial(space[4], 1), None, 1.0))
    assert finalists(history, 2, None) == [space[2], space[3]]
    assert finalists(history, 1, space[2]) == [space[2]]
    assert finalists(history, 1, space[5]) == [space[2], space[5]]
