"""Completing a column with a network: what a planted leak is worth, and that none comes through."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hgl.db.database import Database
from hgl.graph.build import build_graph
from hgl.graph.loader import SeedLoader
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.tasks.task import Task
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer
from hgl.typing import Cut
from tests.tasks import meters

HIDE = [["readings", "weak"]]
"""Without it nothing that is left in a reading tells its level."""


@pytest.fixture(scope="module")
def town() -> Database:
    return meters.database()


def error(db: Database, folder: Path, cut: Cut | None, **fields: Any) -> float:
    """Test MAE of a network on the level, in a town where the mean's is about 0.8."""
    network = functools.partial(HeteroGraphSAGE, num_layers=2)
    experiment = Experiment(
        db=db,
        task=meters.level(remove_columns=HIDE, **fields),
        model=functools.partial(RelationalModel, gnn=network, channels=16),
        trainer=Trainer(lr=0.02, max_epochs=8, device="cpu"),
        sampling=Sampling(num_neighbors=(2, 1), batch_size=100, strategy="last"),
        cut=cut,
    )
    return experiment.train(folder).metrics["test"]["mae"]


def test_a_leak_of_the_same_instant_is_blocked_by_default(town: Database, tmp_path: Path) -> None:
    """A bill of the same second says the level. Seen, it is read off; strictly, it is not there."""
    guess = np.abs(meters.level().seeds(town, "test").target).mean()
    assert error(town, tmp_path / "inclusive", "inclusive") < 0.5 * guess
    assert error(town, tmp_path / "strict", None) > 0.9 * guess


def test_a_twin_is_blocked_by_default(town: Database, tmp_path: Path) -> None:
    guess = np.abs(meters.level().seeds(town, "test").target).mean()
    kept = [["readings", "copy"], ["readings", "state"]]
    assert error(town, tmp_path / "kept", None, keep_columns=kept) < 0.6 * guess


def batches(tables: dict[str, pd.DataFrame], task: Task, rows: np.ndarray) -> list[dict[str, Any]]:
    """Everything that a model sees of some readings, each a batch of its own."""
    db = meters.database(tables)
    seeds = task.seeds_of(db, pd.DataFrame({"reading_id": rows}))
    loader = SeedLoader(build_graph(db), seeds, num_neighbors=[-1, -1, -1], batch_size=1)
    return [
        {
            str(key): {n: v for n, v in store.items() if n not in ("input_id", "y")}
            for key, store in zip(batch.node_types, batch.node_stores)
        }
        | {str(e): batch[e].edge_index for e in batch.edge_types}
        for batch in loader
    ]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, torch.Tensor):
        return torch.equal(torch.nan_to_num(one.double()), torch.nan_to_num(other.double()))
    return bool(one == other)


def forged(tables: dict[str, pd.DataFrame], from_instant: pd.Timestamp, keep: set[int]) -> Any:
    """Other content in every row at or after an instant, and other levels in every reading."""
    readings, bills = tables["readings"].copy(), tables["bills"].copy()
    late = readings["at"] >= from_instant
    readings.loc[late & ~readings["reading_id"].isin(keep), "weak"] = 77.0
    readings["level"] = readings["level"].where(~late, 55.0)
    bills.loc[bills["at"] >= from_instant, "amount"] = 99.0
    return {**tables, "readings": readings, "bills": bills}


def test_rows_of_the_same_instant_change_nothing() -> None:
    """Forge whatever is at the seeds' instant or later, their own answers too: the same batches."""
    tables = meters.frames(6, 50)
    instant = pd.Timestamp("2024-02-10 12:00")
    rows = tables["readings"].query("at == @instant")["reading_id"].to_numpy()
    assert len(rows) == 6
    seen = batches(tables, meters.level(), rows)
    again = batches(forged(tables, instant, set(rows.tolist())), meters.level(), rows)
    assert all(same(one, other) for one, other in zip(seen, again, strict=True))


def test_the_same_rows_change_what_an_inclusive_seed_sees() -> None:
    """The property above can fail: seen inclusively, the forged bills are there."""
    tables = meters.frames(6, 50)
    instant = pd.Timestamp("2024-02-10 12:00")
    db = meters.database(forged(tables, instant, set()))
    row = tables["readings"].query("at == @instant")["reading_id"].to_numpy()[:1]
    bills = [
        loader_bills(db, meters.level().seeds_of(db, pd.DataFrame({"reading_id": row}), cut=cut))
        for cut in ("strict", "inclusive")
    ]
    assert bills[1] == bills[0] + 1


def loader_bills(db: Database, seeds: Any) -> int:
    loader = SeedLoader(build_graph(db), seeds, num_neighbors=[-1, -1], batch_size=1)
    return next(iter(loader))["bills"].num_nodes


def test_the_seed_keeps_its_own_row_and_its_earlier_relatives(town: Database) -> None:
    seeds = meters.level().seeds(town, "val")
    loader = SeedLoader(build_graph(town), seeds, num_neighbors=[-1, -1], batch_size=4)
    batch = next(iter(loader))
    readings = batch["readings"]
    torch.testing.assert_close(readings.n_id[:4], torch.as_tensor(seeds.entity[:4]))
    assert readings.rel_time[:4].tolist() == [0, 0, 0, 0]
    assert (readings.rel_time[4:] > 0).all()
    assert (batch["bills"].rel_time > 0).all()
    assert batch["meters"].num_nodes == 4
    layout = loader.features["readings"].layout
    assert (layout.numerical, layout.categorical) == (("weak",), ())
