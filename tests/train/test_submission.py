"""Submissions, as RelBench's own checker reads them and scores them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.db.database import Database
from hgl.errors import ConfigError, TaskError
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.predictions import score
from hgl.train.submission import check_submission, submission_frame, write_submission

AGREE = 1e-9
SQL = """
SELECT t.timestamp, u.user_id, {label} AS y
FROM timestamps t CROSS JOIN users u
LEFT JOIN purchases p ON p.user_id = u.user_id
  AND p.at > t.timestamp AND p.at <= t.timestamp + INTERVAL '{{timedelta}}'
GROUP BY t.timestamp, u.user_id
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RelBench 3 dataset of 30 users and 900 purchases, with a task of each kind."""
    folder = tmp_path_factory.mktemp("datasets") / "rel-made"
    (folder / "db").mkdir(parents=True)
    random = np.random.default_rng(0)
    hours = np.sort(random.integers(0, 200 * 24, 900))
    purchases = pd.DataFrame(
        {
            "purchase_id": np.arange(900),
            "user_id": random.integers(0, 30, 900),
            "at": pd.Timestamp("2020-01-01") + pd.to_timedelta(hours, unit="h"),
            "amount": random.normal(10, 3, 900),
            "product_id": random.integers(0, 8, 900),
        }
    )
    products = pd.DataFrame({"product_id": np.arange(8), "price": random.normal(10, 3, 8)})
    purchases.to_parquet(folder / "db" / "purchases.parquet")
    users = pd.DataFrame({"user_id": np.arange(30), "age": random.integers(18, 80, 30)})
    users.to_parquet(folder / "db" / "users.parquet")
    products.to_parquet(folder / "db" / "products.parquet")
    fkeys = {"user_id": "users", "product_id": "products"}
    tables = {
        "products": {"pkey": "product_id", "time_col": None, "fkeys": {}},
        "users": {"pkey": "user_id", "time_col": None, "fkeys": {}},
        "purchases": {"pkey": "purchase_id", "time_col": "at", "fkeys": fkeys},
    }
    splits = {"val_timestamp": "2020-04-01 06:00", "test_timestamp": "2020-05-01 06:00"}
    manifest = {"name": "rel-made", "manifest_version": 1, **splits, "tables": tables}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    labels = {
        "regression": "SUM(COALESCE(p.amount, 0))",
        "binary_classification": "COUNT(p.at) > 0",
    }
    for kind, label in labels.items():
        fields = {"name": f"a-{kind}", "kind": "forecast", "task_type": kind, "target_col": "y"}
        fields |= {"entity_table": "users", "entity_col": "user_id", "time_col": "timestamp"}
        fields |= {"timedelta": "5 days", "num_eval_timestamps": 6, "sql": SQL.format(label=label)}
        task = folder / "tasks" / f"a-{kind}"
        task.mkdir(parents=True)
        (task / "manifest.yaml").write_text(yaml.safe_dump(fields))
    link = folder / "tasks" / "a-recommendation"
    link.mkdir()
    (link / "manifest.yaml").write_text(yaml.safe_dump(_LINK))
    _write_lists(purchases, link)
    return folder


_LINK = {
    "name": "a-recommendation",
    "kind": "external",
    "task_type": "recommendation",
    "src_entity_table": "users",
    "src_entity_col": "user_id",
    "dst_entity_table": "products",
    "dst_entity_col": "product_id",
    "target_col": "product_id",
    "time_col": "timestamp",
    "timedelta": "20 days",
    "eval_k": 3,
}


def _write_lists(purchases: pd.DataFrame, folder: Path) -> None:
    """What each user buys in the twenty days from each split's beginning on."""
    splits = {"train": "2020-02-01", "val": "2020-04-01 06:00", "test": "2020-05-01 06:00"}
    for split, begin in splits.items():
        after = (purchases["at"] - pd.Timestamp(begin)).dt.days
        bought = purchases[(after >= 0) & (after < 20)]
        lists = bought.groupby("user_id")["product_id"].agg(lambda found: sorted(set(found)))
        frame = lists.reset_index().assign(timestamp=pd.Timestamp(begin))
        frame.to_parquet(folder / f"{split}.parquet")


def drawn(seeds: SeedTable, db: Database, digits: int = 1) -> np.ndarray:
    random, link = np.random.default_rng(digits), seeds.task.destination
    if link is None:
        return random.random(len(seeds)).round(digits)
    rows = db.schema.table(link.dst_entity_table).num_rows
    found = random.random((len(seeds), rows)).argsort(axis=1)[:, : link.eval_k]
    # Lists may be shorter than asked for, and empty.
    found[np.arange(link.eval_k) >= random.integers(0, link.eval_k + 1, (len(seeds), 1))] = -1
    return found


def assert_accepted(data: Path, task: Task, out: Path) -> None:
    """RelBench takes the file, and its score is ours."""
    submit = pytest.importorskip("relbench.submit")
    db = Database.open(data)
    train, test = (task.seeds(db, split) for split in ("train", "test"))
    for digits in (1, 17):
        prediction = drawn(test, db, digits)
        file = write_submission(db, test, prediction, out)
        assert file == out / f"{db.schema.name}__{task.name}.csv"
        theirs = submit.evaluate_task(f"{db.schema.name}/{task.name}", file, dataset=str(data))
        ours = score(test, train, prediction)
        shared = ours.keys() & theirs.keys()
        assert shared == set(theirs) != set()
        assert max(abs(ours[name] - theirs[name]) for name in shared) <= AGREE
    assert not list(out.glob("*.part"))


@pytest.mark.parametrize("kind", ["regression", "binary_classification", "recommendation"])
def test_relbench_accepts_and_scores_alike(folder: Path, kind: str, tmp_path: Path) -> None:
    assert_accepted(folder, Task.load(folder / "tasks" / f"a-{kind}"), tmp_path / "new")


@pytest.mark.parametrize(
    "name", ["driver-dnf", "driver-top3", "driver-position", "driver-circuit-compete"]
)
def test_relbench_accepts_f1(shared_data: Path, name: str, tmp_path: Path) -> None:
    data = shared_data / "rel-f1"
    assert_accepted(data, Task.load(data / "tasks" / name), tmp_path)


def test_an_autocomplete_task_is_accepted(folder: Path, tmp_path: Path) -> None:
    task = folder / "tasks" / "amount"
    task.mkdir()
    fields = {"name": "amount", "kind": "autocomplete", "task_type": "regression"}
    fields |= {"entity_table": "purchases", "target_col": "amount"}
    (task / "manifest.yaml").write_text(yaml.safe_dump(fields))
    assert_accepted(folder, Task.load(task), tmp_path)


def test_the_checker_refuses_a_file_that_lacks_a_row(folder: Path, tmp_path: Path) -> None:
    """The test above can fail."""
    submit = pytest.importorskip("relbench.submit")
    db, task = Database.open(folder), Task.load(folder / "tasks" / "a-regression")
    test = task.seeds(db, "test")
    file = write_submission(db, test, drawn(test, db), tmp_path)
    file.write_text("\n".join(file.read_text().splitlines()[:-1]))
    with pytest.raises(ValueError, match="1 missing, 0 extra"):
        submit.evaluate_task("rel-made/a-regression", file, dataset=str(folder))


def test_predictions_find_their_row_in_any_order(folder: Path) -> None:
    db, task = Database.open(folder), Task.load(folder / "tasks" / "a-regression")
    test = task.seeds(db, "test")
    frame = submission_frame(db, test, test.target)
    labels = test.frame(db)
    merged = frame.merge(labels, on=["user_id", "timestamp"], suffixes=("", "_true"))
    assert len(merged) == len(frame) == len(test)
    assert (merged["y"] == merged["y_true"]).all()


def test_a_test_row_without_a_prediction_is_named(folder: Path) -> None:
    db, task = Database.open(folder), Task.load(folder / "tasks" / "a-regression")
    test = task.seeds(db, "test")
    fewer = test.since(int(test.time[0]) + 1)
    with pytest.raises(TaskError, match=r"30 of 180 test rows have no prediction \(.*earlier"):
        submission_frame(db, fewer, drawn(fewer, db))


def test_what_relbench_would_refuse_is_refused_first(folder: Path, tmp_path: Path) -> None:
    task = Task.load(folder / "tasks" / "a-regression")
    check_submission(task, "test", str(tmp_path / "new"))
    with pytest.raises(ConfigError, match="split='val'; expected test"):
        check_submission(task, "val", str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="expected a folder"):
        check_submission(task, "test", str(tmp_path / "file"))
    stated = {"name": "c", "entity_table": "users", "target_col": "age", "kind": "autocomplete"}
    several = Task.from_mapping({**stated, "task_type": "multiclass_classification"}, "task")
    with pytest.raises(ConfigError, match="is multiclass; RelBench scores binary, regression, rec"):
        check_submission(several, "test", str(tmp_path))
    link = Task.load(folder / "tasks" / "a-recommendation")
    assert link.destination is not None
    pair = dataclasses.replace(link.destination, dst_entity_col=("maker", "number"))
    with pytest.raises(ConfigError, match="keys of one column"):
        check_submission(dataclasses.replace(link, destination=pair), "test", str(tmp_path))
