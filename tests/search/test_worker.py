"""Workers keep what their trials gave, errors included."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hgl.errors import CacheError
from hgl.search.evaluator import Evaluator
from hgl.search.store import TrialStore
from hgl.search.trial_record import Claim, Done, Taken
from hgl.search.worker import Worker
from tests.search.market import evaluator


@pytest.fixture(scope="module")
def market() -> Evaluator:
    return evaluator()


@pytest.fixture
def worker(market: Evaluator, tmp_path: Path) -> Worker:
    return Worker(TrialStore(tmp_path / "trials.sqlite"), market, "settings", tmp_path / "models")


def test_a_trial_runs_once(worker: Worker) -> None:
    model = worker.evaluator.space.all_rows
    done = worker.run(model, epochs=2, seed=0)
    assert isinstance(done, Done)
    assert len(done.validation["roc_auc"]) == 2
    assert done.seconds["training"] > 0
    assert dataclasses.replace(worker, name="other").run(model, epochs=2, seed=0) == done
    with pytest.raises(CacheError, match="no test metrics"):
        worker.store.reveal(done.key)


def test_test_metrics_are_kept_apart(worker: Worker) -> None:
    model = worker.evaluator.space.all_rows
    done = dataclasses.replace(worker, with_test=True).run(model, epochs=3, seed=0)
    assert isinstance(done, Done)
    val = done.validation["roc_auc"]
    test = worker.store.reveal(done.key)["roc_auc"]
    assert [value == value for value in test] == [v == max(val) for v in val]


def test_what_others_run_is_left_to_them(worker: Worker) -> None:
    model = worker.evaluator.space[1]
    claim = worker.store.claim(worker.key(model, epochs=1, seed=0), "other")
    assert isinstance(claim, Claim)
    assert isinstance(worker.run(model, epochs=1, seed=0), Taken)


def test_failures_are_kept(market: Evaluator, tmp_path: Path) -> None:
    failing = evaluator(lr=1e30, grad_clip=None)
    worker = Worker(TrialStore(tmp_path / "t.sqlite"), failing, "other settings", tmp_path / "m")
    model = failing.space.all_rows
    done = worker.run(model, epochs=3, seed=0)
    assert isinstance(done, Done)
    assert done.failure is not None
    assert done.failure.type == "TrainingError"
    assert worker.run(model, epochs=3, seed=0) == done


def test_what_the_disk_refuses_is_no_fault_of_the_trial(worker: Worker) -> None:
    """It is raised, and the trial is free again."""
    model = worker.evaluator.space.all_rows
    worker.folder.write_text("a file, where checkpoints should go")
    with pytest.raises(OSError):
        worker.run(model, epochs=1, seed=5)
    claim = worker.store.claim(worker.key(model, epochs=1, seed=5), "other")
    assert isinstance(claim, Claim)
