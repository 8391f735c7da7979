"""Seed tables: rows, times, targets, who is left out, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.db import times
from hgl.db.database import Database
from hgl.errors import ConfigError, TaskError
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task

Variant = Callable[..., Task]


def rows(seeds: SeedTable, db: Database) -> list[tuple[str, str, float]]:
    frame = seeds.frame(db)
    days = frame["timestamp"].dt.strftime("%m-%d")
    return list(zip(days, frame["user_id"], frame["buys"]))


def test_seeds_by_hand(shop: Database, buys: Task) -> None:
    val = buys.seeds(shop, "val")
    assert rows(val, shop) == [
        ("03-01", "ann", 1.0),
        ("03-01", "bob", 0.0),
        ("03-11", "ann", 1.0),
        ("03-11", "bob", 0.0),
    ]
    assert val.visible_until == times.instant("2020-03-21")
    assert val.stats_until == times.instant("2020-03-01")
    assert val.classes == (0, 1)
    assert val.entity.dtype == val.time.dtype == np.int64
    assert val.notes == (
        "2 of 6 label rows left out: the users row is later than the seed (cat)",
        "val: 4 seeds, 50.0 % positive",
    )


def test_frozen_drops_entities_later_than_the_test_timestamp(shop: Database, buys: Task) -> None:
    frozen = buys.seeds(shop, "test")
    assert [(day, user) for day, user, _ in rows(frozen, shop)] == [
        (day, user) for day in ("03-21", "03-31") for user in ("ann", "bob", "cat")
    ]
    rolling = buys.seeds(shop, "test", policy="rolling")
    assert rolling.visible_until is None
    assert rows(rolling, shop)[-1] == ("03-31", "dan", 1.0)
    assert len(rolling) == len(frozen) + 1
    assert rolling.fingerprint != frozen.fingerprint


def test_no_seed_precedes_its_entity(shop: Database, buys: Task) -> None:
    joined = shop.times("users")
    assert joined is not None
    for split in ("train", "val", "test"):
        for policy in ("frozen", "rolling"):
            seeds = buys.seeds(shop, split, policy=policy)
            assert (joined[seeds.entity] <= seeds.time).all()


def test_fingerprints_tell_contents_apart(shop: Database, buys: Task, variant: Variant) -> None:
    first = buys.seeds(shop, "train")
    assert first.fingerprint == buys.seeds(shop, "train").fingerprint
    others = [
        buys.seeds(shop, "val"),
        buys.seeds(shop, "train", cut="strict"),
        variant(num_train_timestamps=3).seeds(shop, "train"),
    ]
    assert len({first.fingerprint, *(seeds.fingerprint for seeds in others)}) == 4
    described = variant(description="the same question").seeds(shop, "train")
    assert described.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "valid"}, "split='valid'; expected one of train, val, test"),
        ({"split": "val", "policy": "melted"}, "policy='melted'"),
        ({"split": "val", "cut": "loose"}, "cut='loose'"),
    ],
)
def test_unknown_words_are_refused(shop: Database, buys: Task, options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        buys.seeds(shop, **options)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"entity_table": "buyers"}, "table 'buyers' not found"),
        (
            {"entity_col": ("user_id", "age")},
            r"entity_col is \['user_id', 'age'\], but the primary",
        ),
        ({"remove_columns": (("users", "income"),)}, "column 'income' is not in table 'users'"),
        ({"remove_columns": (("buyers", "age"),)}, "table 'buyers' not found"),
    ],
)
def test_names_that_the_database_lacks(
    shop: Database, variant: Variant, fields: dict, said: str
) -> None:
    with pytest.raises(TaskError, match=f"task 'buys'.*{said}"):
        variant(**fields).seeds(shop, "train")


def test_an_entity_table_needs_a_primary_key(tmp_path: Path, variant: Variant) -> None:
    visits = pd.DataFrame({"who": ["a", "a"], "at": pd.to_datetime(["2020-01-01", "2020-04-01"])})
    manifest = {"tables": {"visits": {"pkey": [], "time_col": "at"}}}
    db = Database.open({"visits": visits}, manifest=manifest, out=tmp_path / "db")
    with pytest.raises(TaskError, match="entity table 'visits' has no primary key"):
        variant(entity_table="visits", entity_col=("who",)).seeds(db, "train")


def external(folder: Path, variant: Variant, columns: dict[str, list], **fields: object) -> Task:
    frame = pd.DataFrame(columns)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"])
    frame.to_parquet(folder / "train.parquet")
    return variant(sql=None, folder=folder, **fields)


def test_entities_missing_from_their_table_are_counted(
    shop: Database, variant: Variant, tmp_path: Path
) -> None:
    columns = {
        "timestamp": ["2020-01-21", "2020-01-11", "2020-01-11", "2019-01-01", None],
        "user_id": ["ann", "bob", "eve", "ann", "bob"],
        "buys": [1, 0, 1, 1, 0],
    }
    seeds = external(tmp_path, variant, columns).seeds(shop, "train")
    assert rows(seeds, shop) == [("01-11", "bob", 0.0), ("01-21", "ann", 1.0)]
    told = "; ".join(seeds.notes)
    assert "1 of 5 label rows left out: the entity is not in table 'users' (eve)" in told
    assert "the seed time is null (bob)" in told
    assert "later than the seed (ann)" in told or "earlier than the first row" in told


def test_no_usable_row_is_an_error(shop: Database, variant: Variant, tmp_path: Path) -> None:
    columns = {"timestamp": ["2020-01-11"] * 2, "user_id": ["eve", "mal"], "buys": [0, 1]}
    with pytest.raises(TaskError, match=r"no usable label row. 2 of 2 .* not in table 'users'"):
        external(tmp_path, variant, columns).seeds(shop, "train")


def test_seeds_before_the_first_row_are_an_error(tmp_path: Path, variant: Variant) -> None:
    users = pd.DataFrame({"user_id": ["ann", "bob"]})
    visits = pd.DataFrame({"user_id": ["ann"], "at": pd.to_datetime(["2020-01-01"])})
    manifest = {
        "tables": {"users": {"pkey": ["user_id"], "time_col": None}, "visits": {"time_col": "at"}}
    }
    db = Database.open(
        {"users": users, "visits": visits},
        manifest=manifest,
        out=tmp_path / "db",
        val_timestamp="2020-03-01",
        test_timestamp="2020-03-21",
    )
    columns = {"timestamp": ["2019-01-01"] * 2, "user_id": ["ann", "bob"], "buys": [0, 1]}
    with pytest.raises(TaskError, match="earlier than the first row of the database"):
        external(tmp_path, variant, columns).seeds(db, "train")


@pytest.mark.parametrize(
    ("kind", "labels"),
    [("binary", [1, 1]), ("multiclass", ["a", "a"]), ("multilabel", [["a"]] * 2)],
)
def test_one_class_only_is_an_error(
    shop: Database, variant: Variant, tmp_path: Path, kind: str, labels: list
) -> None:
    columns = {"timestamp": ["2020-01-11"] * 2, "user_id": ["ann", "bob"], "buys": labels}
    with pytest.raises(TaskError, match=r"all 2 training labels are .*one class only"):
        external(tmp_path, variant, columns, kind=kind, metric="").seeds(shop, "train")


def test_multiclass_leaves_out_classes_unseen_in_training(shop: Database, variant: Variant) -> None:
    colours = variant(
        kind="multiclass",
        metric="",
        sql="SELECT t.timestamp, u.user_id, CASE WHEN t.timestamp > '2020-03-01' AND age = 40 "
        "THEN 'new' WHEN age = 30 THEN 'red' ELSE 'blue' END AS buys FROM timestamps t, users u",
    )
    train, val = colours.seeds(shop, "train"), colours.seeds(shop, "val")
    assert train.classes == val.classes == ("blue", "red")
    assert rows(val, shop) == [
        ("03-01", "ann", "red"),
        ("03-01", "bob", "blue"),
        ("03-11", "ann", "red"),
    ]
    assert any("their class is not in the training split" in note for note in val.notes)


def test_row_positions_may_stand_for_keys(shop: Database, buys: Task, variant: Variant) -> None:
    sql = f"SELECT l.timestamp, u._row, l.buys FROM ({buys.sql}) l JOIN users u USING (user_id)"
    by_row = variant(entity_col=("_row",), sql=sql)
    for split in ("train", "val", "test"):
        expected, found = buys.seeds(shop, split), by_row.seeds(shop, split)
        np.testing.assert_array_equal(expected.entity, found.entity)
        np.testing.assert_array_equal(expected.time, found.time)
        np.testing.assert_array_equal(expected.target, found.target)


def test_composite_keys_match_by_name_or_by_order(tmp_path: Path, variant: Variant) -> None:
    rooms = pd.DataFrame({"house": ["a", "a", "b"], "room": [1, 2, 1], "size": [9, 8, 7]})
    events = pd.DataFrame({"at": pd.date_range("2020-01-01", "2020-06-01")})
    manifest = {
        "tables": {
            "rooms": {"pkey": ["house", "room"], "time_col": None},
            "events": {"time_col": "at"},
        }
    }
    db = Database.open(
        {"rooms": rooms, "events": events},
        manifest=manifest,
        out=tmp_path / "db",
        val_timestamp="2020-03-01",
        test_timestamp="2020-03-21",
    )
    named = variant(
        entity_table="rooms",
        entity_col=("room", "house"),
        kind="regression",
        metric="mae",
        sql="SELECT timestamp, house, room, size AS buys FROM timestamps, rooms",
    )
    ordered = variant(
        entity_table="rooms",
        entity_col=("h", "r"),
        kind="regression",
        metric="mae",
        sql="SELECT timestamp, house AS h, room AS r, size AS buys FROM timestamps, rooms",
    )
    for task in (named, ordered):
        seeds = task.seeds(db, "val")
        frame = seeds.frame(db)
        assert list(frame.columns) == ["house", "room", "timestamp", "buys"]
        sizes = dict(zip(zip(rooms["house"], rooms["room"]), rooms["size"]))
        assert len(frame) == 2 * len(rooms)
        for row in frame.itertuples():
            assert row.buys == sizes[row.house, row.room]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nobody FROM users", "entity_sql: Binder Error"),
        ("SELECT age FROM users", r"column\(s\) 'user_id' missing"),
        ("DROP TABLE users", "expected a SELECT"),
    ],
)
def test_entity_sql_is_checked_before_training(
    shop: Database, buys: Task, sql: str, said: str
) -> None:
    with pytest.raises(TaskError, match=said):
        dataclasses.replace(buys, entity_sql=sql).seeds(shop, "train")


def test_prediction_asks_everybody_known_by_then(shop: Database, buys: Task) -> None:
    early, late = buys.seeds_at(shop, "2020-03-22"), buys.seeds_at(shop, "2020-05-01")
    assert list(early.frame(shop)["user_id"]) == ["ann", "bob", "cat"]
    assert list(late.frame(shop)["user_id"]) == ["ann", "bob", "cat", "dan"]
    assert early.target is None
    assert early.visible_until is None
    assert (early.time == times.instant("2020-03-22")).all()
    with pytest.raises(TaskError, match="2019-01-01 is earlier than the first row of the database"):
        buys.seeds_at(shop, "2019-01-01")


def test_prediction_asks_whom_entity_sql_selects(shop: Database, variant: Variant) -> None:
    recent = variant(
        entity_sql="SELECT DISTINCT p.user_id FROM timestamps t JOIN purchases p "
        "ON p.at > t.timestamp - INTERVAL '{timedelta}'"
    )
    # purchases later than the time asked about are out of sight although the SQL does not say so
    found = recent.seeds_at(shop, "2020-03-29").frame(shop)
    assert list(found["user_id"]) == ["ann", "cat"]
    with pytest.raises(TaskError, match=r"entity_sql: column.* 'user_id' missing"):
        variant(entity_sql="SELECT age FROM users").seeds_at(shop, "2020-03-29")


def test_seeds_since_an_instant_and_as_of_an_instant(shop: Database, buys: Task):
    seeds = buys.seeds(shop, "train", policy="rolling")
    middle = int(np.unique(seeds.time)[1])
    late = seeds.since(middle)
    assert late.time.min() == middle
    assert len(late) == (seeds.time >= middle).sum()
    assert late.fingerprint != seeds.fingerprint
    known = shop.times("users")
    frozen = seeds.frozen_at(middle, shop)
    assert frozen.visible_until == middle
    assert (known[frozen.entity] <= middle).all()
    assert len(frozen) == (known[seeds.entity] <= middle).sum()
    with pytest.raises(TaskError, match="no train seed is as late"):
        seeds.since(int(seeds.time.max()) + 1)
    with pytest.raises(TaskError, match="no train entity is known"):
        seeds.frozen_at(0, shop)
