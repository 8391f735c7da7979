"""Side by side with RelBench: its own label tables on the same folders, and published figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.db import times
from hgl.db.database import Database
from hgl.tasks.baselines import constant
from hgl.tasks.labels import label_table
from hgl.tasks.metrics import evaluate
from hgl.tasks.task import Task

SPLITS = ("train", "val", "test")
DNF = """
SELECT t.timestamp AS date, r.driverId,
  MAX(CASE WHEN r.statusId != 1 THEN 1 ELSE 0 END) AS did_not_finish
FROM timestamps t
JOIN results r ON r.date > t.timestamp AND r.date <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY t.timestamp, r.driverId
"""
SHOP = """
SELECT t.timestamp, p.user_id_row AS _row, SUM(p.amount) AS spent
FROM timestamps t
JOIN purchases p ON p.at > t.timestamp AND p.at <= t.timestamp + INTERVAL '{timedelta}'
GROUP BY t.timestamp, p.user_id_row
"""


@pytest.fixture(scope="module")
def f1(shared_data: Path) -> Path:
    return shared_data / "rel-f1"


@pytest.fixture(scope="module")
def f1_db(f1: Path) -> Database:
    return Database.open(f1)


def write_task(folder: Path, **fields: object) -> Path:
    folder.mkdir(parents=True)
    manifest = {"kind": "forecast", "manifest_version": 1, "name": folder.name, **fields}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder


def assert_same_labels(folder: Path, db: Database, task_folder: Path) -> None:
    """Compare row by row with the labels that RelBench regenerates from the same SQL."""
    relbench = pytest.importorskip("relbench")
    theirs = relbench.load_dataset(str(folder)).load_task(str(task_folder), regenerate=True)
    full = theirs.get_db(upto_test_timestamp=False)
    task = Task.load(task_folder)
    for split in SPLITS:
        expected = theirs.get_table(split, mask_input_cols=False, db=full).df
        found = task.seeds(db, split)
        np.testing.assert_array_equal(
            times.seconds(expected[task.time_col], rounding="down"), found.time
        )
        np.testing.assert_array_equal(expected[task.entity_col[0]], found.entity)
        np.testing.assert_array_equal(expected[task.target_col].astype(float), found.target)


def test_labels_are_those_of_relbench_on_f1(f1: Path, f1_db: Database, tmp_path: Path) -> None:
    folder = write_task(
        tmp_path / "driver-dnf-again",
        task_type="binary_classification",
        entity_table="drivers",
        entity_col="driverId",
        target_col="did_not_finish",
        time_col="date",
        timedelta="30 days",
        num_eval_timestamps=40,
        sql=DNF,
    )
    assert_same_labels(f1, f1_db, folder)
    for split in SPLITS:
        again, published = Task.load(folder), Task.load(f1 / "tasks" / "driver-dnf")
        pd.testing.assert_frame_equal(
            label_table(again, f1_db, split),
            label_table(published, f1_db, split),
            check_dtype=False,
        )


@pytest.mark.parametrize(("days", "num_eval"), [(10, 1), (10, 9), (7, 9), (20, 2)])
def test_labels_are_those_of_relbench_on_our_own_folder(
    shop: Database, tmp_path: Path, days: int, num_eval: int
) -> None:
    folder = write_task(
        tmp_path / "spent",
        task_type="regression",
        entity_table="users",
        entity_col="_row",
        target_col="spent",
        time_col="timestamp",
        timedelta=f"{days} days",
        num_eval_timestamps=num_eval,
        sql=SHOP,
    )
    assert_same_labels(shop.folder, shop, folder)


@pytest.mark.parametrize(
    ("name", "kind", "sizes"),
    [
        ("driver-position", "regression", (7453, 499, 760)),
        ("driver-dnf", "binary", (11411, 566, 702)),
        ("driver-top3", "binary", (1353, 588, 726)),
    ],
)
def test_published_tasks_load_as_they_are(
    f1: Path, f1_db: Database, name: str, kind: str, sizes: tuple[int, ...]
) -> None:
    task = Task.load(f1 / "tasks" / name)
    assert task.kind == kind
    assert task.num_eval_timestamps == 40
    for split, size in zip(SPLITS, sizes):
        seeds = task.seeds(f1_db, split)
        stored = pd.read_parquet(f1 / "tasks" / name / f"{split}.parquet")
        assert len(seeds) == size
        np.testing.assert_array_equal(seeds.entity, stored["driverId"])
        np.testing.assert_array_equal(seeds.target, stored[task.target_col])
        frame = seeds.frame(f1_db)
        assert (frame["date"] == stored["date"]).all()


def test_the_constant_baseline_has_its_published_error(f1: Path, f1_db: Database) -> None:
    task = Task.load(f1 / "tasks" / "driver-position")
    train, val, test = (task.seeds(f1_db, split) for split in SPLITS)
    scores = evaluate(task.kind, test.target, constant([train, val], test))
    assert scores["mae"] == pytest.approx(4.399, abs=5e-4)
    assert train.target.std(ddof=1) == pytest.approx(7.026, abs=1e-3)
