"""Recommendations without a network, as runs of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from hgl.errors import ConfigError
from hgl.tabular.run import TableRun
from hgl.tabular.statistics import Constant
from hgl.tabular.visited import Ranking, Visited
from hgl.tasks.baselines import baselines
from hgl.train.trainer import Trainer
from tests.tasks.market import buys, market
from tests.train.shop import returns, shop


def run(ranking: Any, **changes: Any) -> TableRun:
    asked = {"db": market(), "task": buys(), "trainer": Trainer(device="cpu"), **changes}
    return TableRun(model=Visited(ranking), policy="rolling", **asked)


def test_they_are_the_baselines_of_hgl_train(tmp_path: Path) -> None:
    asked = run("popularity")
    known = baselines(asked.db, *(asked.seeds(split) for split in ("train", "val", "test")))
    assert set(get_args(Ranking)) == known.keys()
    for ranking in known:
        outcome = run(ranking).train(tmp_path / ranking)
        for split in ("val", "test"):
            assert np.array_equal(outcome.predictions[split], known[ranking][split])
    frame = pd.read_parquet(tmp_path / "popularity" / "predictions" / "test.parquet")
    assert list(frame) == ["customer_id", "timestamp", "product", "prediction"]


def test_without_test_it_is_not_asked(tmp_path: Path) -> None:
    outcome = run("past visit", test=False).train(tmp_path)
    assert outcome.predictions.keys() == outcome.seeds.keys() - {"train"} == {"val"}


def test_each_kind_of_task_wants_its_kind_of_model() -> None:
    with pytest.raises(ConfigError, match="expected a model such as rhgnn or lightgbm"):
        run("popularity", db=shop(), task=returns())
    with pytest.raises(ConfigError, match="expected a recommender such as model=idgnn"):
        TableRun(db=market(), task=buys(), model=Constant(), trainer=Trainer())
    with pytest.raises(ConfigError, match="ranking='fame': expected one of"):
        Visited("fame")  # type: ignore[arg-type]
