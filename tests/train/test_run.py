"""A whole run: it learns, leaves its folder, survives being killed, and shares its work."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from hgl.errors import ConfigError, TrainingError
from hgl.tasks.seeds import SeedTable
from hgl.train.checkpoint import load_tensors
from hgl.train.run import Outcome
from hgl.train.trainer import Trainer
from tests.train.shop import experiment


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return experiment().train(tmp_path_factory.mktemp("run"))


def command(folder: Path, *words: str, launcher: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *launcher, "-m", "tests.train.shop", str(folder), *words]


def test_it_learns_what_is_there_to_learn(outcome: Outcome):
    assert outcome.metrics["test"]["roc_auc"] > 0.7
    losses = [row["train_loss"] for row in outcome.progress.history]
    assert losses[-1] < losses[0]


def test_the_run_folder_holds_what_it_promises(outcome: Outcome):
    notes = yaml.safe_load((outcome.folder / "run.yaml").read_text())
    assert notes["policy"] == "frozen"
    assert notes["cut"] == "inclusive"
    assert notes["database"]["fingerprint"]
    assert notes["static_tables"] == ["customers"]
    assert notes["versions"]["torch"] == torch.__version__
    results = yaml.safe_load((outcome.folder / "results.yaml").read_text())
    assert results["metrics"]["test"]["roc_auc"] == outcome.metrics["test"]["roc_auc"]
    assert results["phases"]["training"]["seconds"] > 0
    rows = [json.loads(x) for x in (outcome.folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    predictions = pd.read_parquet(outcome.folder / "predictions" / "test.parquet")
    assert {"customer_id", "timestamp", "returns", "prediction"} <= set(predictions.columns)
    np.testing.assert_array_equal(predictions.prediction, outcome.predictions["test"])
    assert not list(outcome.folder.rglob("*.part"))


def test_the_best_epoch_on_validation_is_the_one_kept(outcome: Outcome):
    values = [row["val_roc_auc"] for row in outcome.progress.history]
    assert outcome.progress.best_epoch == int(np.argmax(values))
    assert outcome.metrics["val"]["roc_auc"] == max(values)
    _, notes = load_tensors(outcome.folder / "model.safetensors")
    assert notes["epoch"] == outcome.progress.best_epoch


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    outcome: Outcome, tmp_path: Path
):
    again = experiment().train(tmp_path / "again")
    assert again.progress.history == outcome.progress.history
    np.testing.assert_array_equal(again.predictions["test"], outcome.predictions["test"])
    other = experiment(seed=2).train(tmp_path / "other")
    assert other.progress.history != outcome.progress.history


def test_a_run_killed_in_the_middle_ends_as_if_it_had_not_been(outcome: Outcome, tmp_path: Path):
    process = subprocess.Popen(command(tmp_path))
    state = tmp_path / "state.safetensors"
    deadline = time.monotonic() + 60
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state.exists()
    resumed = experiment().train(tmp_path, resume=True)
    assert resumed.progress.history == outcome.progress.history
    np.testing.assert_array_equal(resumed.predictions["test"], outcome.predictions["test"])


def test_two_processes_score_as_one(outcome: Outcome, tmp_path: Path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    one, two = tmp_path / "one", tmp_path / "two"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HGL_TEST_NO_DROPOUT": "1"}
    for folder, how in ((one, ()), (two, launcher)):
        subprocess.run(command(folder, launcher=how), check=True, env=environment)
    alone, together = (
        [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (one, two)
    )
    for a, b in zip(alone, together, strict=True):
        assert b["train_loss"] == pytest.approx(a["train_loss"], rel=1e-3)
        assert b["val_roc_auc"] == pytest.approx(a["val_roc_auc"], abs=5e-3)


def test_ctrl_c_keeps_the_best_epoch(tmp_path: Path):
    class Impatient:
        def start(self, phase: str, steps: int) -> None:
            if phase == "epoch 2":
                raise KeyboardInterrupt

        def step(self, loss: float | None) -> None:
            pass

        def epoch(self, row: dict[str, Any]) -> None:
            pass

    outcome = experiment(watcher=Impatient()).train(tmp_path)
    assert outcome.progress.interrupted
    assert len(outcome.progress.history) == 2
    assert outcome.metrics["val"]["roc_auc"] == outcome.progress.best


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path):
    trial = experiment(max_epochs=3)
    prepared = trial.prepare()
    run = trial.untrained(prepared)
    train = trial.loader(run, prepared.seeds["train"], shuffle=True)
    progress = trial.trainer.fit(
        run.model, run.objective, train, None, metric="roc_auc", folder=tmp_path
    )
    assert progress.best_epoch == 2
    assert [sorted(row) for row in progress.history] == [["epoch", "lr", "train_loss"]] * 3
    state, _ = load_tensors(tmp_path / "state.safetensors")
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, state[f"model.{name}"])


def test_a_loss_that_is_no_number_names_the_batch_and_leaves_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from hgl.train.objective import Binary

    calls = itertools.count()
    honest = Binary.losses

    def poisoned(self: Binary, out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return honest(self, out, target) * (float("nan") if next(calls) == 3 else 1.0)

    monkeypatch.setattr(Binary, "losses", poisoned)
    with pytest.raises(TrainingError, match="batch 3"):
        experiment().train(tmp_path)


def test_early_stopping_waits_for_patience(tmp_path: Path):
    outcome = experiment(lr=0.0, patience=2, max_epochs=9).train(tmp_path)
    assert outcome.progress.best_epoch == 0
    assert len(outcome.progress.history) == 3


def test_no_test_label_is_read_before_training_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    trial = experiment(max_epochs=1)
    honest_seeds, honest_fit = trial.seeds, trial.trainer.fit

    def seeds(split: str) -> SeedTable:
        asked.append(split)
        return honest_seeds(split)

    def fit(*args: Any, **kwargs: Any) -> Any:
        assert "test" not in asked
        return honest_fit(*args, **kwargs)

    monkeypatch.setattr(trial, "seeds", seeds)
    monkeypatch.setattr(trial.trainer, "fit", fit)
    trial.train(tmp_path)
    assert "test" in asked


def test_validation_sees_the_database_as_test_will():
    trial = experiment()
    val, test = trial.seeds("val"), trial.seeds("test")
    assert val.visible_until == trial.task.val_timestamp
    assert test.visible_until == trial.task.test_timestamp
    trial.policy = "rolling"
    assert trial.seeds("val").visible_until is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"lr": -1.0}, "lr=-1"),
        ({"max_epochs": 0}, "max_epochs=0"),
        ({"average": 1.0}, "average=1"),
        ({"device": "cuda"}, "cuda"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, Any], message: str):
    if setting.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("a CUDA device is present, so device=cuda is right here")
    with pytest.raises(ConfigError, match=message):
        Trainer(**setting)
