"""`torchrun -m hgl train`: as good as one process, and neither lost nor stuck when one dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.cli import main
from hgl.train.checkpoint import load_tensors
from tests.cli.shop import SMALL, source

TORCHRUN = [
    *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
    *("-m", "hgl", "train"),
]
# Processes draw their own dropout masks; only without it can one equal two.
SETTINGS = [*SMALL, "model=sage", "model.dropout=0", "model.gnn.dropout=0", "baselines=false"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
PATIENCE = 120
"""Seconds, of which a quiet machine needs a tenth."""


def test_a_killed_process_ends_the_run_which_then_goes_on_and_scores_as_one(
    shop: Path, tmp_path: Path
) -> None:
    words = [*source(shop), *SETTINGS]
    two, state = tmp_path / "two", tmp_path / "two" / "state.safetensors"
    with subprocess.Popen(
        [*TORCHRUN, *words, f"out={two}", "trainer.max_epochs=100000"],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    ) as torchrun:
        wait_for(state, torchrun)
        os.kill(children(torchrun.pid)[-1], signal.SIGKILL)
        said = torchrun.communicate(timeout=PATIENCE)[1]
    assert torchrun.returncode not in (0, None)
    assert "SIGKILL" in said
    assert not (two / "results.yaml").exists()

    epochs = int(load_tensors(state)[1]["epoch"]) + 1
    last = [*words, f"trainer.max_epochs={epochs}"]
    resumed = [*TORCHRUN, *last, f"out={two}", "resume=true"]
    subprocess.run(resumed, env=ENVIRONMENT, check=True, timeout=PATIENCE)
    one = tmp_path / "one"
    assert main(["train", *last, f"out={one}"]) == 0
    # Gradients are the same sums in another order: single-precision rounding, which steps multiply.
    for alone, together in zip(rows(one), rows(two), strict=True):
        assert together["train_loss"] == pytest.approx(alone["train_loss"], rel=1e-3)
        assert together["val_roc_auc"] == pytest.approx(alone["val_roc_auc"], abs=5e-3)
    for split in ("val", "test"):
        alone, together = (
            pd.read_parquet(folder / "predictions" / f"{split}.parquet") for folder in (one, two)
        )
        pd.testing.assert_frame_equal(
            alone.drop(columns="prediction"), together.drop(columns="prediction")
        )
        np.testing.assert_allclose(together["prediction"], alone["prediction"], atol=5e-3)
    metrics = [yaml.safe_load((f / "results.yaml").read_text())["metrics"] for f in (one, two)]
    for split, scores in metrics[0].items():
        assert metrics[1][split] == pytest.approx(scores, abs=5e-3)


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not file.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    if not file.exists():
        process.kill()
        pytest.fail(f"no epoch has ended: {process.communicate()[1]}")


def children(pid: int) -> list[int]:
    """The processes that a process started, in order."""
    if shutil.which("ps") is None:
        pytest.skip("ps is not there to find the processes that torchrun started")
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return sorted(map(int, listed.stdout.split()))
