"""Label tables against a shop labelled by hand, and every way they can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.db import cache
from hgl.db.database import Database
from hgl.errors import TaskError
from hgl.tasks.labels import label_table
from hgl.tasks.task import Task

Variant = Callable[..., Task]


def positives(frame: pd.DataFrame) -> set[tuple[str, str]]:
    late = frame[frame["buys"]]
    return set(zip(late["timestamp"].dt.strftime("%m-%d"), late["user_id"]))


def test_labels_by_hand(shop: Database, buys: Task) -> None:
    train = label_table(buys, shop, "train")
    days = ["01-01", "01-11", "01-21", "01-31", "02-10", "02-20"]
    assert sorted(train["timestamp"].dt.strftime("%m-%d").unique()) == days
    # the purchase at 01-11 belongs to the window (01-01, 01-11], not to (01-11, 01-21]
    assert positives(train) == {
        ("01-01", "ann"),
        ("01-01", "bob"),
        ("01-21", "ann"),
        ("02-20", "bob"),
    }
    val = label_table(buys, shop, "val")
    assert sorted(val["timestamp"].dt.strftime("%m-%d").unique()) == ["03-01", "03-11"]
    assert positives(val) == {("03-01", "ann"), ("03-11", "ann")}
    test = label_table(buys, shop, "test")
    assert sorted(test["timestamp"].dt.strftime("%m-%d").unique()) == ["03-21", "03-31"]
    assert positives(test) == {("03-21", "cat"), ("03-31", "dan")}


def test_rows_come_in_the_order_of_time_then_entity(shop: Database, buys: Task) -> None:
    frame = label_table(buys, shop, "train")
    assert list(frame.columns) == ["timestamp", "user_id", "buys"]
    pd.testing.assert_frame_equal(frame, frame.sort_values(["timestamp", "user_id"]))


def test_train_and_val_see_rows_up_to_the_test_timestamp(shop: Database, variant: Variant) -> None:
    counting = variant(
        kind="regression",
        metric="mae",
        sql="SELECT timestamp, 'ann' AS user_id, (SELECT COUNT(*) FROM purchases) AS buys "
        "FROM timestamps",
    )
    seen = {s: set(label_table(counting, shop, s)["buys"]) for s in ("train", "val", "test")}
    assert seen == {"train": {6}, "val": {6}, "test": {9}}


def test_labels_are_made_once_per_content(
    shop: Database, variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = variant(sql=str(variant().sql) + "-- first")
    built = []
    entry = cache.entry

    def counted(kind: str, key: str, build: Callable[[Path], None]) -> Path:
        return entry(kind, key, lambda folder: (built.append(key), build(folder)))

    monkeypatch.setattr(cache, "entry", counted)
    first = label_table(task, shop, "val")
    pd.testing.assert_frame_equal(first, label_table(task, shop, "val"))
    assert len(built) == 1
    label_table(variant(sql=str(variant().sql) + "-- second"), shop, "val")
    label_table(variant(sql=task.sql, timedelta=5 * 86400), shop, "val")
    assert len(set(built)) == 3


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT timestamp, user_id, 1 AS sells FROM timestamps, users", "'buys' missing; got"),
        ("SELECT timestamp AS t, user_id, 1 AS buys FROM timestamps, users", "'timestamp' missing"),
        ("SELECT timestamp, user_id, 1 AS buys FROM timestamps, users WHERE false", "no rows"),
        ("SELECT *, 1 AS buys, 2 AS buys FROM timestamps, users", "'buys' comes more than once"),
        (
            "SELECT timestamp, user_id, NULL AS buys FROM timestamps, users",
            "18 of 18 targets are null",
        ),
        (
            "SELECT timestamp, user_id, 1 AS buys FROM timestamps, users, range(2)",
            r"18 row\(s\) repeat a \(timestamp, user_id\) pair",
        ),
        (
            "SELECT timestamp + INTERVAL 1 DAY AS timestamp, user_id, 1 AS buys"
            " FROM timestamps, users",
            "not one of the seed times",
        ),
        (
            "SELECT NULL::TIMESTAMP AS timestamp, user_id, 1 AS buys FROM timestamps, users",
            "holds null, which is not one of the seed times",
        ),
        ("SELECT timestamp, user_id, agee > 1 AS buys FROM timestamps, users", '"agee" not found'),
        (
            "SELECT timestamp, user_id, user_id + 1 AS buys\nFROM timestamps, users",
            r"LINE 1: SELECT (?s:.*)\^",
        ),
        (
            "SELECT timestamp, user_id, CAST(user_id AS INT) AS buys FROM timestamps, users",
            "Could not convert string",
        ),
        (
            "SELECT timestamp, [user_id] AS user_id, 1 AS buys FROM timestamps, users",
            "column 'user_id' is list.*; expected one value per row",
        ),
        (
            "SELECT 'soon' AS timestamp, user_id, 1 AS buys FROM timestamps, users",
            "column 'timestamp': times cannot be read as ISO 8601: Time data soon",
        ),
        ("SELECT * FROM buyers", "table 'buyers' not found"),
        ("DELETE FROM users", "expected a SELECT"),
    ],
)
def test_sql_that_makes_no_labels_is_explained(
    shop: Database, variant: Variant, sql: str, said: str
) -> None:
    with pytest.raises(TaskError, match=said) as raised:
        label_table(variant(sql=sql), shop, "train")
    assert "task 'buys'" in str(raised.value)


def test_the_connection_reaches_the_database_only(
    shop: Database,
    variant: Variant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Were the check to overlook something, DuckDB itself would refuse."""
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    monkeypatch.setattr("hgl.tasks.query.check", lambda *_: None)
    for sql in (
        f"SELECT * FROM read_csv('{outside}')",
        f"SELECT * FROM '{outside}'",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        "SET memory_limit = '1GB'",
    ):
        with pytest.raises(TaskError, match=r"disabled by configuration|expected one SELECT"):
            label_table(variant(sql=sql), shop, "train")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"val_timestamp": 0}, "0 training seed time"),
        ({"test_timestamp": 1584748800 + 30 * 86400}, "test labels would be incomplete"),
        ({"test_timestamp": 1583020800 + 86400}, "reach into the test period"),
        ({"timedelta": 10**9}, "reach into the test period"),
    ],
)
def test_impossible_splits_are_explained(
    shop: Database, variant: Variant, fields: dict, said: str
) -> None:
    split = "test" if "test labels" in said else "train"
    with pytest.raises(TaskError, match=f"task 'buys'.*{said}"):
        label_table(variant(**fields), shop, split)


def test_missing_timestamps_are_named(tmp_path: Path, variant: Variant) -> None:
    frames = {"users": pd.DataFrame({"user_id": ["a"]}), "other": pd.DataFrame({"x": [1]})}
    static = Database.open(
        frames, manifest={"tables": {"users": {"pkey": ["user_id"]}}}, out=tmp_path / "db"
    )
    with pytest.raises(TaskError, match=r"has val_timestamp|no table .* has a time"):
        label_table(variant(), static, "train")


def test_external_labels_need_their_file(tmp_path: Path, variant: Variant, shop: Database) -> None:
    stamps = pd.to_datetime(["2020-01-11", "2020-01-21"]).repeat(2)
    frame = pd.DataFrame({"timestamp": stamps, "user_id": ["ann", "bob"] * 2, "buys": [0, 1, 1, 0]})
    frame.to_parquet(tmp_path / "train.parquet")
    task = variant(sql=None, folder=tmp_path)
    assert np.array_equal(label_table(task, shop, "train")["buys"], [0, 1, 1, 0])
    with pytest.raises(TaskError, match=r"val\.parquet not found, and the task has no sql"):
        label_table(task, shop, "val")
