"""Compiled columns from configuration to predictions: learnt from, stored, restored, refused."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hgl.errors import CacheError, ConfigError
from hgl.train.compiled_columns import FILE, CompiledColumns
from tests.train.test_aggregates import experiment


def test_a_network_that_sees_four_rows_learns_of_twenty(tmp_path: Path) -> None:
    """What customers spent in their last 20 visits decides; the network draws the last 4."""
    blind = experiment(None).train(tmp_path / "blind").metrics["test"]["roc_auc"]
    told = replace(experiment(None), columns=8).train(tmp_path / "told").metrics["test"]["roc_auc"]
    assert told > blind + 0.05
    assert told > 0.9


def test_a_stored_run_predicts_as_it_did(tmp_path: Path) -> None:
    asked = replace(experiment((1, 5)), columns=8)
    outcome = asked.train(tmp_path)
    found = asked.predict(tmp_path, outcome.seeds["test"])
    np.testing.assert_allclose(found, outcome.predictions["test"], rtol=1e-5)
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(CacheError, match=FILE):
        asked.predict(tmp_path, outcome.seeds["test"])


def test_columns_are_finite_moderate_and_say_what_is_unknown() -> None:
    asked = replace(experiment(None), columns=8)
    prepared = asked.prepare()
    columns = prepared.columns
    assert columns is not None
    found = columns(asked.db, prepared.seeds["val"])
    assert found.shape == (len(prepared.seeds["val"]), columns.width)
    assert found.isfinite().all()
    assert found.abs().max() <= 10
    flags = found[:, columns.width // 2 :]
    assert set(flags.unique().tolist()) <= {0.0, 1.0}
    batch = next(iter(asked.loader(asked.untrained(prepared), prepared.seeds["val"])))
    assert torch.equal(batch["customers"].aggregates, found[: len(batch["customers"].input_id)])


def test_they_come_back_from_a_folder(tmp_path: Path) -> None:
    prepared = replace(experiment(None), columns=4).prepare()
    columns = prepared.columns
    assert columns is not None
    columns.write(tmp_path)
    again = CompiledColumns.read(tmp_path)
    assert again.plan == columns.plan
    assert np.array_equal(again.centre, columns.centre)


def test_a_model_that_cannot_read_them_is_told_so(tmp_path: Path) -> None:
    def stubborn(*, metadata: object, layouts: object, timed: object, entity_table: object,
                 out_channels: int) -> nn.Module:  # fmt: skip
        return nn.Linear(1, out_channels)

    asked = replace(experiment(None), columns=4, model=functools.partial(stubborn))
    with pytest.raises(ConfigError, match="columns: expected a model with an argument"):
        asked.train(tmp_path)


def test_columns_of_other_seeds_are_refused() -> None:
    asked = experiment(None)
    prepared = asked.prepare()
    run = asked.untrained(prepared)
    short = functools.partial(asked.loader, run)
    loader = short(prepared.seeds["val"])
    with pytest.raises(ConfigError, match="columns of 3 seeds"):
        type(loader)(loader.graph, loader.seeds, num_neighbors=[2], columns=torch.zeros(3, 2))
