"""Models without a graph leave the folder that any run leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.errors import ConfigError
from hgl.tabular.boosted import BoostedColumns, BoostedRow
from hgl.tabular.mlp import ColumnsMLP
from hgl.tabular.run import TableRun
from hgl.tabular.statistics import Constant, EntityHistory
from hgl.tasks.baselines import baselines
from hgl.train.trainer import Trainer
from tests.train.shop import returns, shop

MODELS = [Constant(), EntityHistory(), BoostedRow(), BoostedColumns(), ColumnsMLP(max_epochs=3)]


def run(model: Any, **changes: Any) -> TableRun:
    asked = {"policy": "rolling", "trainer": Trainer(device="cpu", seed=3), **changes}
    return TableRun(db=shop(), task=returns(), model=model, **asked)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_every_model_leaves_scores_and_predictions(model: Any, tmp_path: Path) -> None:
    outcome = run(model).train(tmp_path)
    results = yaml.safe_load((tmp_path / "results.yaml").read_text())
    assert results["metrics"].keys() == {"val", "test"}
    assert {"labels"} <= results["phases"].keys()
    assert yaml.safe_load((tmp_path / "run.yaml").read_text())["seed"] == 3
    frame = pd.read_parquet(tmp_path / "predictions" / "test.parquet")
    assert np.array_equal(frame["prediction"], outcome.predictions["test"])


def test_they_are_the_baselines_of_hgl_train(tmp_path: Path) -> None:
    made = run(Constant()), run(EntityHistory())
    seeds = [made[0].seeds(split) for split in ("train", "val", "test")]
    known = baselines(made[0].db, *seeds)
    for table_run, name in zip(made, ("constant", "entity history")):
        found = table_run.train(tmp_path / name).predictions
        for split in ("val", "test"):
            assert np.array_equal(found[split], known[name][split])


def test_columns_know_more_than_the_row(tmp_path: Path) -> None:
    scores = [
        run(model).train(tmp_path / str(i)).metrics["test"]["roc_auc"]
        for i, model in enumerate((BoostedRow(), BoostedColumns()))
    ]
    assert scores[1] > scores[0] + 0.1


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_without_test_its_labels_stay_unread(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = run(model, test=False)
    seen: list[str] = []
    labelled = type(asked).seeds
    monkeypatch.setattr(
        TableRun, "seeds", lambda self, split: seen.append(split) or labelled(self, split)
    )
    outcome = asked.train(tmp_path)
    assert seen == ["train", "val"]
    assert outcome.metrics.keys() == {"val"}
    assert not (tmp_path / "predictions" / "test.parquet").exists()


def test_there_is_no_model_to_ask_again(tmp_path: Path) -> None:
    made = run(Constant())
    with pytest.raises(ConfigError, match="expected the run of a graph network"):
        made.predict(tmp_path, made.seeds("val"))
