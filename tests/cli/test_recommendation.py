"""Recommending from the command: train, evaluate, predict, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from hgl.cli import main
from hgl.results.audit import FILE, Audit
from tests.cli.shop import failure
from tests.tasks.market import MANIFEST, fields, orders

SMALL = ["trainer=smoke", "sampling=smoke", "model.channels=8", "trainer.device=cpu"]


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stall")
    tables = folder / "tables"
    tables.mkdir()
    bought = orders(num_customers=30, num_days=160)
    bought.to_csv(tables / "orders.csv", index=False)
    pd.DataFrame({"customer_id": range(30)}).to_csv(tables / "customers.csv", index=False)
    names = [f"p{i:02d}" for i in range(30)]
    products = pd.DataFrame({"product": names, "price": range(30)})
    products.to_csv(tables / "products.csv", index=False)
    manifest = {"tables": {n: {**t, "columns": {}} for n, t in MANIFEST["tables"].items()}}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    (folder / "task.yaml").write_text(yaml.safe_dump(fields()))
    return folder


def words(stall: Path) -> list[str]:
    places = {"db": "tables", "task": "task.yaml", "manifest": "manifest.yaml"}
    return [f"{key}={stall / name}" for key, name in places.items()]


def test_train_evaluate_and_predict(
    stall: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, answers = tmp_path / "run", tmp_path / "answers.parquet"
    assert main(["train", *words(stall), *SMALL, "model=idgnn", f"out={run}"]) == 0
    printed = capsys.readouterr().out
    for word in ("IDGNN on", "popularity", "past visit", "map", "destinations each"):
        assert word in printed
    stored = pd.read_parquet(run / "predictions" / "test.parquet")
    assert list(stored) == ["customer_id", "timestamp", "product", "prediction"]
    assert stored["prediction"].map(len).eq(3).all()

    assert main(["evaluate", f"run={run}"]) == 0
    assert "0 of them other than the stored ones" in capsys.readouterr().out
    assert main(["predict", f"run={run}", "at=2024-06-01", f"out={answers}"]) == 0
    asked = pd.read_parquet(answers)
    assert list(asked) == ["customer_id", "timestamp", "prediction"]
    assert len(asked) == 30

    last = failure(capsys, 2, "distill", f"run={run}")
    assert "hgl distill works with those only" in last
    last = failure(capsys, 2, "export", f"distilled={run}", f"out={tmp_path / 'late'}")
    assert "expected the folder that hgl distill left" in last


def test_an_audit_without_a_model_takes_one_that_recommends(stall: Path, tmp_path: Path) -> None:
    assert main(["audit", *words(stall), "seeds=2", f"out={tmp_path / 'audit'}"]) == 0
    assert Audit.read(tmp_path / "audit" / FILE).comparisons["predictions (IDGNN, untrained)"] == 8


def test_what_does_not_go_together_is_one_line(
    stall: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    last = failure(capsys, 2, "train", *words(stall), *SMALL, f"out={tmp_path / 'a'}")
    assert "expected a recommender such as model=idgnn or model=two-tower" in last
    last = failure(capsys, 2, "audit", *words(stall), "model=sage")
    assert "expected a recommender such as model=idgnn or model=two-tower" in last
    last = failure(capsys, 2, "search", *words(stall), f"out={tmp_path / 'b'}")
    assert "hgl search works with those only" in last
