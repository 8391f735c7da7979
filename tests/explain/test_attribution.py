"""Attributions: they add up to the prediction, and a planted cause comes out on top."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError, SchemaError
from hgl.explain import ELAPSED, attribute, background
from hgl.models.relational import RelationalModel
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.ops import CopiedRows
from tests.explain.planted import trained

NETWORKS = {
    "sage": functools.partial(HeteroGraphSAGE, num_layers=2),
    "rhgnn": functools.partial(RHGNN, num_layers=2, heads=4),
}


class Explained:
    """A trained model's first test batch and the attributions of its predictions."""

    def __init__(self, network: str, folder: object, **sampling: object) -> None:
        experiment, outcome = trained(NETWORKS[network], folder, **sampling)
        run = experiment.restore(outcome.folder)
        self.seeds = outcome.seeds["test"]
        self.model: RelationalModel = run.model
        self.batch: HeteroData = next(iter(experiment.loader(run, self.seeds)))
        self.rows = background(run.graph, run.features, until=self.seeds.stats_until)
        self.cells = attribute(self.model, self.batch, self.rows)
        self.orders = experiment.db.frame("orders")
        self.score = outcome.metrics["test"]["roc_auc"]


@pytest.fixture(scope="module", params=NETWORKS)
def explained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Explained:
    return Explained(request.param, tmp_path_factory.mktemp(request.param))


def of_average_rows(model: RelationalModel, batch: HeteroData, rows: Mapping) -> Tensor:
    """The output where every cell is its column's average, written out."""
    copied = {}
    for node_type, encoder in zip(model.node_types, model.rows.tables, strict=True):
        count = max(len(block) for block in rows[node_type].values())
        parts = encoder.column_parts(rows[node_type], count)
        usual = encoder.linear.weight[:, 0] + sum(part.mean(0) for part in parts.values())
        x = encoder.blocks(usual.expand(batch[node_type].num_nodes, -1))
        if node_type in model.time.positions:
            x = x + model.time(node_type, batch[node_type].rel_time).mean(0)
        copied[node_type] = CopiedRows(x)
    return model.answer(copied, batch)[:, 0]


def test_attributions_add_up_to_the_prediction(explained: Explained):
    check_sum(explained)


def test_aggregates_are_held_as_they_are(tmp_path: Path):
    check_sum(Explained("sage", tmp_path, aggregates=(1, 5)))


def check_sum(explained: Explained) -> None:
    model = explained.model.eval()
    with torch.no_grad():
        actual = model(explained.batch)[:, 0]
        gap = actual - of_average_rows(model, explained.batch, explained.rows)
    cells = attribute(model, explained.batch, explained.rows, num_steps=256)
    summed = cells.groupby("seed")["attribution"].sum()
    seeds = explained.batch["customers"].input_id
    error = np.abs(summed[seeds.numpy()].to_numpy() - gap.numpy())
    assert error.mean() < 0.03 * np.abs(gap.numpy()).mean()


def test_the_planted_column_and_row_come_out_on_top(explained: Explained):
    assert explained.score > 0.95
    by_column = explained.cells.groupby(["table", "column"])["attribution"].apply(
        lambda x: x.abs().sum()
    )
    assert by_column.idxmax() == ("orders", "colour")
    left = explained.cells[
        explained.cells["seed"].isin(np.flatnonzero(explained.seeds.answers == 1))
        & (explained.cells["table"] == "orders")
    ]
    by_row = left.groupby(["seed", "row"], as_index=False)["attribution"].sum()
    top = by_row.loc[by_row.groupby("seed")["attribution"].idxmax()]
    assert (explained.orders["colour"].iloc[top["row"]] == "red").mean() > 0.9


def test_every_row_and_column_is_listed_once(explained: Explained):
    keys = ["seed", "table", "row", "column"]
    assert not explained.cells.duplicated(keys).any()
    columns = {t: set(c) for t, c in explained.cells.groupby("table")["column"]}
    assert columns == {"customers": {"age"}, "orders": {"at", "colour", "price", ELAPSED}}
    assert set(explained.cells["seed"]) == set(explained.batch["customers"].input_id.tolist())


def test_the_parts_of_a_row_sum_to_what_the_blocks_see(explained: Explained):
    encoder = explained.model.rows.tables[explained.model.node_types.index("orders")]
    columns, count = explained.batch["orders"].columns, len(explained.batch["orders"].rows)
    seen = []
    with torch.no_grad():
        handle = encoder.blocks.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        encoder(columns, count)
        handle.remove()
        parts = encoder.column_parts(columns, count)
    torch.testing.assert_close(encoder.linear.weight[:, 0] + sum(parts.values()), seen[0])


def test_bad_input_is_named(explained: Explained):
    model, batch, rows = explained.model, explained.batch, explained.rows
    with pytest.raises(ConfigError, match="num_steps=0"):
        attribute(model, batch, rows, num_steps=0)
    with pytest.raises(ConfigError, match="output=1: expected 0 to 0"):
        attribute(model, batch, rows, output=1)
    with pytest.raises(SchemaError, match="'orders' is absent"):
        attribute(model, batch, {"customers": rows["customers"]})


def test_a_model_in_training_stays_in_training(explained: Explained):
    explained.model.train()
    again = attribute(explained.model, explained.batch, explained.rows)
    assert explained.model.training
    pd.testing.assert_frame_equal(again, explained.cells)
