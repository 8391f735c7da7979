"""Completing a column: whose cells are seeds, at what time, and what their features lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.db import times
from hgl.db.database import Database
from hgl.errors import ConfigError, TaskError
from hgl.features.encode import measure_tables
from hgl.tasks.autocomplete import settled
from hgl.tasks.baselines import baselines
from hgl.tasks.history import with_history
from hgl.tasks.task import Task
from tests.tasks import meters

NOON = "2020-01-{:02d} 12:00"


def small(**columns: Any) -> Database:
    """Ten rows, one each noon, the last without a time."""
    table = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(10)],
            "at": [*(pd.Timestamp(NOON.format(i + 1)) for i in range(9)), pd.NaT],
            "x": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0, np.nan, 8.0, 9.0, 10.0],
            **columns,
        }
    )
    return Database.open(
        {"rows": table},
        name="small",
        manifest={"tables": {"rows": {"pkey": ["id"], "time_col": "at"}}},
        val_timestamp="2020-01-04 12:00",
        test_timestamp="2020-01-07 12:00",
    )


def complete(column: str = "x", **fields: Any) -> Task:
    stated = {
        "name": "x",
        "kind": "autocomplete",
        "task_type": "regression",
        "entity_table": "rows",
        "target_col": column,
    }
    return Task.from_mapping({**stated, **fields}, "task")


@pytest.fixture(scope="module")
def town() -> Database:
    return meters.database()


@pytest.mark.parametrize(
    ("split", "keys", "values"),
    [
        ("train", ["r0", "r1", "r3"], [1.0, 2.0, 4.0]),  # up to the validation timestamp
        ("val", ["r4", "r5"], [5.0, 6.0]),  # after it, up to the test timestamp; r6 is empty
        ("test", ["r7", "r8"], [8.0, 9.0]),  # after that; r9 has no time
    ],
)
def test_each_row_is_a_seed_at_its_own_time(
    split: str, keys: list[str], values: list[float]
) -> None:
    db = small()
    seeds = complete().seeds(db, split)
    frame = seeds.frame(db)
    assert frame["id"].tolist() == keys
    assert seeds.target.tolist() == frame["x"].tolist() == values
    own = db.times("rows")
    np.testing.assert_array_equal(seeds.time, own[seeds.entity])
    assert (seeds.policy, seeds.cut, seeds.visible_until) == ("rolling", "strict", None)


def test_a_row_within_a_second_is_asked_about_at_its_end() -> None:
    at = pd.Timestamp("2020-01-02") + pd.to_timedelta(np.arange(10) * 86400.25, unit="s")
    db = small(at=at)
    for split in ("train", "val", "test"):
        seeds = complete().seeds(db, split)
        np.testing.assert_array_equal(seeds.time, db.times("rows")[seeds.entity])


def test_the_target_is_no_feature_of_any_row(town: Database) -> None:
    seeds = meters.level().seeds(town, "train")
    assert ("readings", "level") in seeds.task.remove_columns
    hidden = seeds.task.remove_columns
    known = measure_tables(town, stats_until=seeds.stats_until, hidden=hidden)
    assert set(known["readings"].columns) == {"at", "weak"}
    assert set(known["bills"].columns) == {"at", "amount"}  # other instants' bills are history


def test_twins_are_left_out_and_said_so(town: Database) -> None:
    train, val = (meters.level().seeds(town, split) for split in ("train", "val"))
    assert set(train.task.remove_columns) == {
        ("readings", "level"),
        ("readings", "copy"),
        ("readings", "state"),
    }
    said = [note for note in train.notes if "left out" in note]
    assert len(said) == 2
    assert any(n.startswith("readings.copy left out: it is ") and "% one with" in n for n in said)
    assert not any("left out" in note for note in val.notes)


def test_twins_are_kept_or_added_where_the_task_says_so(town: Database) -> None:
    task = meters.level(keep_columns=[["readings", "copy"]], remove_columns=[["bills", "amount"]])
    train = task.seeds(town, "train")
    assert ("readings", "copy") not in train.task.remove_columns
    assert ("bills", "amount") in train.task.remove_columns
    assert any(note.startswith("readings.copy kept, as keep_columns says") for note in train.notes)


def test_twins_come_from_training_rows_only() -> None:
    """A column that is the target's copy from the validation timestamp on is none in training."""
    tables = meters.frames()
    late = tables["readings"]["at"] > pd.Timestamp("2024-02-05")
    tables["readings"]["copy"] = tables["readings"]["copy"].where(late, 0.5)
    train = meters.level().seeds(meters.database(tables), "train")
    assert ("readings", "copy") not in train.task.remove_columns


def test_settling_twice_is_settling_once(town: Database) -> None:
    once = settled(meters.level(), town)
    assert settled(once, town) == once
    assert once.entity_col == ("reading_id",)
    assert once.time_col == "at"


def test_a_row_whose_time_tells_the_target_is_refused() -> None:
    """A departure that is known when the plane left, seen from its schedule, is its delay."""
    delay = np.random.default_rng(0).integers(0, 7200, 400)
    plan = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(400) * 3600, unit="s")
    plans = pd.DataFrame({"id": range(400), "at": plan})
    left = pd.DataFrame({"id": range(400), "at": plan + pd.to_timedelta(delay, unit="s")})
    left = left.assign(delay=delay / 60, plan_id=range(400))
    keys = {"pkey": ["id"], "time_col": "at"}
    db = Database.open(
        {"plans": plans, "left": left},
        manifest={"tables": {"plans": keys, "left": {**keys, "fkeys": {"plan_id": "plans"}}}},
        val_timestamp="2024-01-10",
        test_timestamp="2024-01-13",
    )
    task = complete("delay", entity_table="left")
    with pytest.raises(TaskError, match=r"the time from .* left\.plan_id .* tells the answer"):
        task.seeds(db, "train")
    allowed = complete("delay", entity_table="left", keep_columns=[["left", "at"]])
    assert len(allowed.seeds(db, "train")) > 100


def test_cells_may_be_classes(town: Database) -> None:
    task = meters.level(task_type="multiclass_classification", target_col="state")
    seeds = task.seeds(town, "train")
    assert seeds.classes == ("high", "low")
    assert ("readings", "copy") in seeds.task.remove_columns
    assert set(np.unique(seeds.target)) == {0, 1}


def test_rows_are_asked_about_by_their_key_alone(town: Database) -> None:
    seeds = meters.level().seeds_of(town, pd.DataFrame({"reading_id": [25, 3]}))
    assert seeds.entity.tolist() == [25, 3]
    np.testing.assert_array_equal(seeds.time, town.times("readings")[seeds.entity])
    assert (seeds.cut, seeds.target) == ("strict", None)
    with pytest.raises(TaskError, match="the entity is not in table 'readings' \\(999999"):
        meters.level().seeds_of(town, pd.DataFrame({"reading_id": [999999]}))
    with pytest.raises(TaskError, match="no column 'reading_id'"):
        meters.level().seeds_of(town, pd.DataFrame({"other": [1]}))


def test_empty_cells_are_what_is_asked_about_at_a_time(town: Database) -> None:
    frame = town.frame("readings")
    until = pd.Timestamp("2024-01-20")
    empty = frame.index[frame["level"].isna() & (frame["at"] <= until)]
    seeds = meters.level().seeds_at(town, "2024-01-20")
    assert seeds.entity.tolist() == empty.tolist() != []
    np.testing.assert_array_equal(seeds.time, town.times("readings")[seeds.entity])
    with pytest.raises(TaskError, match="lacks its weak"):
        meters.level(target_col="weak").seeds_at(town, "2024-01-20")


def test_a_table_without_a_key_is_asked_about_by_row(tmp_path: Path) -> None:
    """RelBench reads such a table's rows by their position, and calls it `primary_key`."""
    (tmp_path / "db").mkdir()
    at = pd.date_range("2020-01-01", periods=9)
    pd.DataFrame({"at": at, "x": np.arange(9.0)}).to_parquet(tmp_path / "db" / "rows.parquet")
    manifest = {
        "name": "keyless",
        "val_timestamp": "2020-01-04",
        "test_timestamp": "2020-01-07",
        "tables": {"rows": {"pkey": None, "time_col": "at", "fkeys": {}}},
    }
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    db = Database.open(tmp_path)
    test = complete().seeds(db, "test")
    assert test.frame(db)["primary_key"].tolist() == [7, 8]
    asked = complete().seeds_of(db, pd.DataFrame({"primary_key": [2, 5]}))
    assert asked.entity.tolist() == [2, 5]


@pytest.mark.parametrize("cut", ["strict", "inclusive"])
def test_past_answers_are_known_after_their_own_instant(town: Database, cut: str) -> None:
    """As a table of their own they help; the row's own answer is never among what it sees."""
    task = meters.level()
    drawn = with_history(task, town)
    answers, seeds = drawn.times("level history"), task.seeds(town, "val", cut=cut)
    position = drawn.frame("level history")["entity_row"].to_numpy()
    known_at = dict(zip(position.tolist(), answers.tolist()))
    for row, time in zip(seeds.entity.tolist(), seeds.time.tolist()):
        assert known_at[row] == time + 1


def test_baselines_that_apply(town: Database) -> None:
    pytest.importorskip("lightgbm")
    seeds = [meters.level().seeds(town, split) for split in ("train", "val", "test")]
    found = baselines(town, *seeds)
    assert set(found) == {"constant", "LightGBM on the entity row"}
    target = seeds[2].target
    row = np.abs(target - found["LightGBM on the entity row"]["test"]).mean()
    # `weak` explains half the variance; `copy` would have explained all of it.
    assert 0.3 < row < np.abs(target - found["constant"]["test"]).mean()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"entity_table": "nobody"}, "table 'nobody' not found"),
        ({"target_col": "nothing"}, "column 'nothing' is not in table 'readings'"),
        ({"target_col": "meter_id"}, "readings.meter_id is a key or the time"),
        ({"target_col": "at"}, "readings.at is a key or the time"),
        ({"entity_table": "meters", "target_col": "size"}, "'meters' has no time column"),
        ({"keep_columns": [["readings", "level"]]}, "keep_columns names the target"),
        ({"keep_columns": [["readings", "no"]]}, "column 'no' is not in table"),
        ({"val_timestamp": "2023-01-01"}, "no row of 'readings' with a level is in the train"),
    ],
)
def test_what_cannot_be_completed_is_named(
    town: Database, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(TaskError, match=said):
        meters.level(**fields).seeds(town, "train")


def test_a_frozen_database_has_no_test_rows(town: Database) -> None:
    with pytest.raises(ConfigError, match=r"policy='frozen': .* expected rolling"):
        meters.level().seeds(town, "test", policy="frozen")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sql": "SELECT 1"}, "has no use for 'sql'"),
        ({"autocomplete": "yes"}, "autocomplete='yes'; expected true or false"),
        ({"keep_columns": ["level"]}, r"keep_columns=\['level'\]; expected a list"),
        ({"manifest_version": 2}, "manifest_version=2; expected 1"),
        ({"task_type": None}, "field 'kind' is missing"),
        ({"entity_table": None}, "'entity_table' missing"),
    ],
)
def test_a_definition_that_contradicts_itself_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        meters.level(**fields)


def test_only_a_column_task_keeps_columns(buys: Task) -> None:
    stated = {"name": "b", "entity_table": "users", "entity_col": "user_id", "target_col": "y"}
    stated |= {"kind": "binary", "timedelta": "1 day", "sql": "SELECT 1", "keep_columns": []}
    with pytest.raises(TaskError, match="only a task that completes a column has 'keep_columns'"):
        Task.from_mapping(stated, "task")
    assert (buys.default_policy, buys.default_cut) == ("frozen", "inclusive")


def write_dataset(folder: Path) -> Path:
    """A RelBench 3 dataset with an autocomplete task whose labels are not there."""
    (folder / "db").mkdir(parents=True)
    for name, frame in meters.frames(5, 50).items():
        ordered = frame.sort_values("at", kind="stable") if "at" in frame else frame
        ordered.to_parquet(folder / "db" / f"{name}.parquet", index=False)
    keys = {
        "meters": {"pkey": "meter_id", "time_col": None, "fkeys": {}},
        "readings": {"pkey": "reading_id", "time_col": "at", "fkeys": {"meter_id": "meters"}},
        "bills": {"pkey": "bill_id", "time_col": "at", "fkeys": {"meter_id": "meters"}},
    }
    stated = {"val_timestamp": "2024-01-25", "test_timestamp": "2024-02-05"}
    manifest = {"name": "town", "manifest_version": 1, **stated, "tables": keys}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    task = folder / "tasks" / "level"
    task.mkdir(parents=True)
    fields = {"name": "level", "kind": "autocomplete", "task_type": "regression"}
    fields |= {"entity_table": "readings", "target_col": "level", "manifest_version": 1}
    fields |= {"remove_columns": [["readings", "state"]]}
    (task / "manifest.yaml").write_text(yaml.safe_dump(fields))
    return folder


def assert_as_relbench(folder: Path, task_folder: Path) -> None:
    relbench = pytest.importorskip("relbench")
    theirs = relbench.load_dataset(str(folder)).load_task(str(task_folder))
    db = Database.open(folder)
    ours = Task.load(task_folder)
    for split in ("train", "val", "test"):
        expected = theirs.get_table(split, mask_input_cols=False).df
        found = ours.seeds(db, split)
        np.testing.assert_array_equal(expected[theirs.entity_col], found.entity)
        moments = times.seconds(expected[theirs.time_col], rounding="up")
        np.testing.assert_array_equal(moments, found.time)
        np.testing.assert_array_equal(expected[theirs.target_col].astype(float), found.target)


def test_seeds_are_those_of_relbench(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "town")
    assert_as_relbench(folder, folder / "tasks" / "level")


def test_hosted_labels_come_first(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "town")
    task = folder / "tasks" / "level"
    db = Database.open(folder)
    made = Task.load(task).seeds(db, "train").frame(db)
    for split in ("train", "val", "test"):
        made.head(100).to_parquet(task / f"{split}.parquet")
    assert Task.load(task).folder == task
    assert len(Task.load(task).seeds(db, "test")) == 100


def test_seeds_of_f1_are_those_of_relbench(shared_data: Path, tmp_path: Path) -> None:
    task = tmp_path / "results-position"
    task.mkdir()
    fields = {"name": "results-position", "kind": "autocomplete", "task_type": "regression"}
    fields |= {"entity_table": "results", "target_col": "position"}
    (task / "manifest.yaml").write_text(yaml.safe_dump(fields))
    assert_as_relbench(shared_data / "rel-f1", task)
    db = Database.open(shared_data / "rel-f1")
    removed = Task.load(task).seeds(db, "train").task.remove_columns
    assert {c for _, c in removed} == {"position", "positionOrder", "points"}
