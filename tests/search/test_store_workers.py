"""No trial is run by two living workers, and a killed one loses no more than its trial."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim, Done, Taken
from tests.db.conftest import engine
from tests.search.store_worker import key

ROOT = Path(__file__).parents[2]
STEPS = ["claim", "retry", "beat", "finish", "fail", "release", "expire"]
ENDS = {"finish": "done", "fail": "failed"}


def start(
    where: str, count: int, log: Path, hang_at: int = -1, lease: float = 60
) -> subprocess.Popen[bytes]:
    words = [where, str(count), str(hang_at), str(lease), str(log)]
    return subprocess.Popen([sys.executable, "-m", "tests.search.store_worker", *words], cwd=ROOT)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_of(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def test_four_processes_run_each_trial_once(where: str, tmp_path: Path) -> None:
    workers = [start(where, 50, tmp_path / "log") for _ in range(4)]
    assert [worker.wait(240) for worker in workers] == [0] * 4
    assert Counter(run_of(tmp_path / "log")) == Counter(range(50))
    frame = TrialStore(where).frame()
    assert sorted(frame["seed"]) == list(range(50))
    assert set(frame["state"]) == {"done"}
    assert set(frame["attempts"]) == {1}


def test_a_killed_worker_loses_its_trial_alone(where: str, tmp_path: Path) -> None:
    logs = [tmp_path / name for name in ("killed", "heir")]
    killed = start(where, 10, logs[0], hang_at=6, lease=3)
    wait_for(lambda: 6 in run_of(logs[0]))
    store = TrialStore(where, lease=3)
    assert isinstance(store.claim(key(6), "early"), Taken)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(60)
    assert isinstance(store.claim(key(6), "early"), Taken)
    heir = start(where, 10, logs[1], lease=3)
    assert heir.wait(120) == 0
    assert run_of(logs[0]) == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(run_of(logs[1])) == [6, 7, 8, 9]
    found = store.results("data", "task", "settings")
    assert {trial.seed: done.validation["mae"] for trial, done in found.items()} == {
        seed: (seed, 0.5) for seed in range(10)
    }


def test_killed_at_any_moment_the_store_stays_whole(where: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for round_ in range(4):
        worker = start(where, 400, log, lease=0.5)
        wait_for(lambda least=10 * (round_ + 1): len(run_of(log)) >= least)  # type: ignore[misc]
        time.sleep(0.013 * round_)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(60)
    frame = TrialStore(where).frame()
    assert (frame["state"] == "claimed").sum() <= 4
    assert (frame["state"] == "done").sum() >= len(set(run_of(log))) - 4
    assert frame["attempts"].max() <= 5


def test_a_dead_worker_of_a_time_to_come_is_followed_once_watched(where: str) -> None:
    """The database's clock was moved back after its last sign of life."""
    store = TrialStore(where, lease=0.2)
    dead = store.claim(key(0), "dead")
    assert isinstance(dead, Claim)
    with engine(where).begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE hgl_trial SET heartbeat = heartbeat + 86400"))
    assert isinstance(store.claim(key(0), "heir"), Taken)
    time.sleep(0.3)
    heir = store.claim(key(0), "heir")
    assert isinstance(heir, Claim)
    assert not store.finish(dead, {"mae": [0.5]}, {})
    assert store.finish(heir, {"mae": [0.5]}, {})


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 1), st.integers(0, 2)), max_size=40
    )
)
@settings(max_examples=60)
def test_no_two_living_workers_hold_one_trial(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        follow(f"sqlite:///{folder}/store.db", steps)


def follow(where: str, steps: list[tuple[str, int, int]]) -> None:
    """Do the steps, and hold the store against a plain record of who holds what.

    `held` are the claims of trials still running; each worker also keeps its last claim of every
    trial, however stale.
    """
    store, clock = TrialStore(where), engine(where)
    held: dict[int, Claim] = {}
    kept: dict[tuple[int, int], Claim] = {}
    silent: set[int] = set()
    ended: dict[int, str] = {}
    for step, trial, worker in steps:
        claim = kept.get((trial, worker))
        if step in ("claim", "retry"):
            found = store.claim(key(trial), f"worker {worker}", retry_failed=step == "retry")
            if ended.get(trial) == "done" or (ended.get(trial) == "failed" and step == "claim"):
                assert isinstance(found, Done)
                assert (found.failure is None) == (ended[trial] == "done")
            elif trial in held and trial not in silent:
                assert isinstance(found, Taken)
                assert found.worker == held[trial].worker
            else:
                assert isinstance(found, Claim)
                held[trial] = kept[trial, worker] = found
                silent.discard(trial)
                ended.pop(trial, None)
        elif step == "expire":
            with clock.begin() as connection:
                earlier = "UPDATE hgl_trial SET heartbeat = heartbeat - 1000 WHERE id = :id"
                connection.execute(sqlalchemy.text(earlier), {"id": key(trial).id})
            silent.add(trial)
        elif claim is not None:
            mine = held.get(trial) == claim
            assert act(store, step, claim) == mine
            if mine and step == "beat":
                silent.discard(trial)
            elif mine:
                del held[trial]
                ended |= {trial: ENDS[step]} if step in ENDS else {}


def act(store: TrialStore, step: str, claim: Claim) -> bool:
    if step == "finish":
        return store.finish(claim, {"mae": [0.5]}, {}, {"mae": [0.5]})
    if step == "fail":
        return store.fail(claim, ValueError("no"))
    return store.beat(claim) if step == "beat" else store.release(claim)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_on_every_database(seed: int, where: str) -> None:
    drawn = Random(seed)
    follow(
        where, [(drawn.choice(STEPS), drawn.randrange(2), drawn.randrange(3)) for _ in range(60)]
    )
