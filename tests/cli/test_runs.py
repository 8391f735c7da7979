"""The command as a user meets it: what it leaves and what it prints."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.cli import main
from tests.cli.shop import MODELS, SMALL, TASK, failure, source


def test_a_run_leaves_everything_in_its_folder(run: Path) -> None:
    notes = yaml.safe_load((run / "run.yaml").read_text())
    assert (notes["policy"], notes["cut"]) == ("rolling", "inclusive")
    assert notes["config"]["model"]["channels"] == 8
    assert notes["config"]["model"]["num_blocks"] == 2, "defaults are spelt out"
    assert notes["database"]["fingerprint"]
    assert notes["versions"]["torch"]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1]
    results = yaml.safe_load((run / "results.yaml").read_text())
    assert 0 <= results["metrics"]["test"]["roc_auc"] <= 1
    assert {"ingest", "training"} <= results["phases"].keys()
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert yaml.safe_load((run / "baselines.yaml").read_text()).keys() >= {"constant"}
    for split in ("val", "test"):
        frame = pd.read_parquet(run / "predictions" / f"{split}.parquet")
        assert len(frame) == results["seeds"][split]
        assert frame["prediction"].between(0, 1).all()
    assert not list(run.rglob("*.part"))


def test_training_prints_the_model_beside_its_baselines(
    shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train", *source(shop), *SMALL]) == 0
    printed = capsys.readouterr()
    for word in ("RHGNN", "constant", "entity history", "roc_auc", "% positive"):
        assert word in printed.out
    assert "policy rolling, cut inclusive" in printed.out
    assert "epoch 1:" in printed.err
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.iterdir()] == ["outputs"]
    (folder,) = (tmp_path / "outputs").glob("shop-comes-back/*")
    assert str(folder.relative_to(tmp_path)) in printed.out


def test_evaluate_finds_what_the_run_left(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", f"run={run}", "split=val"]) == 0
    printed = capsys.readouterr().out
    assert "largest difference from the stored ones 0\n" in printed
    stored = yaml.safe_load((run / "results.yaml").read_text())["metrics"]["val"]
    assert f"roc_auc {stored['roc_auc']:.4f}" in printed


def test_predict_writes_one_row_per_customer(run: Path, tmp_path: Path) -> None:
    for name in ("march.parquet", "march.csv"):
        assert main(["predict", f"run={run}", "at=2020-03-01", f"out={name}"]) == 0
    frame = pd.read_parquet("march.parquet")
    assert sorted(frame["customer_id"]) == list(range(40))
    assert set(frame["timestamp"].astype(str)) == {"2020-03-01"}
    np.testing.assert_allclose(pd.read_csv("march.csv")["prediction"], frame["prediction"])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_with_aggregates_is_restored_with_them(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sampling.aggregates=[1,20]", "history=true", "baselines=false", "out=run"]
    assert main(["train", *source(shop), *SMALL, *words]) == 0
    notes = yaml.safe_load(Path("run/run.yaml").read_text())
    assert notes["sampling"]["aggregates"] == [1, 20]
    assert main(["evaluate", "run=run"]) == 0
    assert "largest difference from the stored ones 0\n" in capsys.readouterr().out
    assert main(["predict", "run=run", "at=2020-05-01", "out=may.csv"]) == 0
    asked, stored = pd.read_csv("may.csv"), pd.read_parquet("run/predictions/test.parquet")
    first = stored[stored["timestamp"] == "2020-05-01"]
    both = asked.merge(first, on="customer_id", suffixes=("", "_stored"))
    assert len(both) == len(first) > 0
    np.testing.assert_allclose(both["prediction"], both["prediction_stored"], rtol=1e-5)


def test_resume_wants_the_same_data_and_task(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("shop.sqlite", "task.yaml"):
        shutil.copy(shop / file, tmp_path / file)
    words = ["train", *source(tmp_path), *SMALL, "baselines=false", "out=run"]
    assert main([*words, "trainer.max_epochs=1"]) == 0
    (tmp_path / "task.yaml").write_text(TASK.replace("> 0", "> 1"))
    line = failure(capsys, 2, *words, "resume=true")
    assert "was trained on another task 'comes-back'" in line
    (tmp_path / "task.yaml").write_text(TASK)
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.execute('DELETE FROM "order" WHERE order_id = 5')
    assert "expected the same data" in failure(capsys, 2, *words, "resume=true")
    assert "COUNT(o.order_id) > 0" in (tmp_path / "run" / "task.yaml").read_text()


def test_resume_goes_on_under_the_same_settings(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", *source(shop), *SMALL, "baselines=false", "out=run"]
    assert main([*words, "trainer.max_epochs=1"]) == 0
    assert "resume=true goes on with a run" in failure(capsys, 2, *words)
    assert "model.channels was 8" in failure(capsys, 2, *words, "resume=true", "model.channels=16")
    assert main([*words, "trainer.max_epochs=3", "resume=true"]) == 0
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 3
    assert "resume=true" in failure(capsys, 2, *words[:-1], "resume=true")


def test_one_command_begins_and_goes_on(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it was killed before it had written what it is made of."""
    words = ["train", *source(shop), *SMALL, "baselines=false", "trainer.max_epochs=1", "out=run"]
    assert main([*words, "resume=true"]) == 0
    assert "nothing in out='run' to go on with; beginning" in capsys.readouterr().err
    weights = Path("run/model.safetensors").read_bytes()
    for file in Path("run").rglob("*.*"):
        if file.is_file() and file.name not in ("task.yaml", "statistics.json"):
            file.unlink()
    Path("run/predictions").rmdir()
    Path("run/.run.yaml.12345678.part").write_text("ha")
    assert main([*words, "resume=true"]) == 0
    assert Path("run/model.safetensors").read_bytes() == weights
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "task.yaml").write_text(TASK)
    for more in ([], ["resume=true"]):
        failure(capsys, 2, *words[:-1], "out=mine", *more)
    assert (tmp_path / "mine" / "task.yaml").read_text() == TASK


@pytest.mark.parametrize("model", MODELS)
def test_every_model_trains(model: str, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", *source(shop), *SMALL, "baselines=false", f"model={model}"]
    assert main([*words, "trainer.max_epochs=1", "trainer.max_steps=1", "out=run"]) == 0
    assert "epoch 0: train_loss 0." in capsys.readouterr().err


def test_ctrl_c_keeps_the_best_epoch(shop: Path, tmp_path: Path) -> None:
    words = [*source(shop), *SMALL, "trainer.max_epochs=100000", "baselines=false", "out=run"]
    with subprocess.Popen(
        [sys.executable, "-m", "hgl", "train", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.startswith("epoch 1:"))
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert yaml.safe_load((tmp_path / "run" / "results.yaml").read_text())["interrupted"] is True


def test_multirun_runs_every_combination(shop: Path, tmp_path: Path) -> None:
    words = ["train", *source(shop), *SMALL, "trainer.max_epochs=1", "baselines=false", "out=runs"]
    assert main([*words, "-m", "trainer.seed=0,1"]) == 0
    seeds = [
        yaml.safe_load((tmp_path / "runs" / n / "run.yaml").read_text())["seed"] for n in ("0", "1")
    ]
    assert seeds == [0, 1]


def test_ingest_says_what_it_found(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", source(shop)[0], "out=arranged"]) == 0
    printed = capsys.readouterr().out
    for word in ("customer_id → customer(customer_id)", "static tables: customer", "fingerprint"):
        assert word in printed
    assert main(["train", "db=arranged", source(shop)[1], *SMALL, "baselines=false"]) == 0


def test_doctor_names_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for word in ("hgl", "torch", "sampler", "cache", "lightgbm"):
        assert word in printed


def test_a_very_long_name_still_makes_a_folder(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(TASK.replace("comes-back", "comes-back" * 50))
    words = [source(shop)[0], "task=task.yaml", *SMALL, "baselines=false"]
    assert main(["train", *words]) == 0
    assert list((tmp_path / "outputs").glob("shop-comes-back*/*/results.yaml"))
