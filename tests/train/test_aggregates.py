"""Aggregates from configuration to predictions: learnt from, stored, restored, refused."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import nn

from hgl.db.database import Database
from hgl.errors import ConfigError, SchemaError
from hgl.models.relational import RelationalModel
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer

MANIFEST = {
    "tables": {
        "customers": {"pkey": ["customer_id"]},
        "visits": {
            "time_col": "at",
            "fkeys": {"customer_id": "customers"},
            "columns": {"spent": "numerical"},
        },
    }
}
SQL = """
SELECT timestamp, customer_id, avg(spent) > 0 AS spends
FROM (
  SELECT t.timestamp, c.customer_id, v.spent
  FROM timestamps t CROSS JOIN customers c
  JOIN visits v ON v.customer_id = c.customer_id AND v.at <= t.timestamp
  QUALIFY row_number() OVER (PARTITION BY t.timestamp, c.customer_id ORDER BY v.at DESC) <= 20
)
GROUP BY ALL
"""
SAGE = functools.partial(HeteroGraphSAGE, num_layers=1)


def visits(num_customers: int = 60, num_days: int = 200) -> Database:
    """Customers that come every few days and spend at random."""
    random = np.random.default_rng(0)
    day, customer = np.nonzero(random.random((num_days, num_customers)) < 0.3)
    table = pd.DataFrame({"customer_id": customer, "spent": random.normal(size=len(day))})
    table["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    customers = pd.DataFrame({"customer_id": range(num_customers)})
    return Database.open({"customers": customers, "visits": table}, manifest=MANIFEST)


def experiment(
    aggregates: tuple[int, ...] | None, *, network: functools.partial[nn.Module] = SAGE
) -> Experiment:
    task = Task(
        name="spends",
        entity_table="customers",
        entity_col=("customer_id",),
        target_col="spends",
        kind="binary",
        timedelta=3 * 86400,
        num_eval_timestamps=5,
        val_timestamp=1_713_571_200,  # 2024-04-20
        test_timestamp=1_716_163_200,  # 2024-05-20
        sql=SQL,
    )
    return Experiment(
        db=visits(),
        task=task,
        policy="rolling",
        model=functools.partial(RelationalModel, gnn=network, channels=16),
        trainer=Trainer(lr=0.01, max_epochs=5),
        sampling=Sampling(
            num_neighbors=(4,), batch_size=100, strategy="last", aggregates=aggregates
        ),
    )


@pytest.mark.parametrize(
    ("network", "aggregates", "least", "most"),
    [
        (SAGE, None, 0.5, 0.8),
        (SAGE, (1, 20), 0.95, 1.0),
        (functools.partial(RHGNN, num_layers=1, heads=2), (1, 20), 0.95, 1.0),
    ],
)
def test_what_lies_beyond_the_neighbours_is_learnt_from_them(
    tmp_path: Path,
    network: functools.partial[nn.Module],
    aggregates: tuple[int, ...] | None,
    least: float,
    most: float,
) -> None:
    trial = experiment(aggregates, network=network)
    outcome = trial.train(tmp_path)
    assert least <= outcome.metrics["test"]["roc_auc"] <= most
    again = trial.predict(tmp_path, outcome.seeds["test"])
    np.testing.assert_array_equal(again, outcome.predictions["test"])
    kept = yaml.safe_load((tmp_path / "run.yaml").read_text())["sampling"]["aggregates"]
    assert kept == (None if aggregates is None else list(aggregates))


def test_a_model_without_the_argument_works_without_aggregates(tmp_path: Path) -> None:
    def built(*, metadata, layouts, timed, entity_table, out_channels):  # type: ignore[no-untyped-def]
        given = (metadata, layouts, timed, entity_table, out_channels)
        names = ("metadata", "layouts", "timed", "entity_table", "out_channels")
        return RelationalModel(**dict(zip(names, given)), gnn=SAGE, channels=4)

    plain, asking = experiment(None), experiment((1,))
    plain.model = asking.model = built
    plain.trainer = asking.trainer = Trainer(max_epochs=1, max_steps=1)
    assert 0 <= plain.train(tmp_path / "plain").metrics["test"]["roc_auc"] <= 1
    message = r"sampling.aggregates=\[1\]: expected a model with an argument `num_aggregates`"
    with pytest.raises(ConfigError, match=message):
        asking.train(tmp_path / "asking")


def test_other_aggregates_than_those_of_training_are_refused(tmp_path: Path) -> None:
    trial = experiment((1, 20))
    trial.trainer = Trainer(max_epochs=1, max_steps=1)
    seeds = trial.train(tmp_path).seeds["test"]
    run = trial.restore(tmp_path)
    batch = next(iter(trial.loader(run, seeds)))
    with torch.no_grad():
        assert run.model(batch).shape == (100, 1)
    for left in (batch["customers"].aggregates[:, 1:], None):
        del batch["customers"].aggregates
        if left is not None:
            batch["customers"].aggregates = left
        found = 0 if left is None else left.shape[1]
        with pytest.raises(SchemaError, match=rf"^batch has {found} aggregates per seed, expected"):
            run.model(batch)


@pytest.mark.parametrize("aggregates", [(), (0,), (-3, 1), (5, 1), (2, 2)])
def test_bad_numbers_are_refused_before_anything_is_read(aggregates: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"aggregates=\[.*\]: expected ascending"):
        Sampling(aggregates=aggregates)
