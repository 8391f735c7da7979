"""The flights database: nothing lost, keys declared, and nothing known before it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl import datasets
from hgl.datasets import flights
from hgl.db import times
from hgl.db.database import Database
from hgl.errors import TaskError
from hgl.tasks.autocomplete import settled
from hgl.tasks.task import Task

MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return flights.tables()


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    """The package's flights with the instants one would work out by hand, in UTC."""
    raw = pd.read_csv(flights._package_data() / "flights.csv.zip")
    raw["scheduled"] = pd.to_datetime(raw["time_hour"]) + raw["minute"] * MINUTE
    raw["left"] = raw["scheduled"] + pd.to_timedelta(raw["dep_delay"], unit="min")
    return raw.sort_values(["scheduled", "carrier", "flight"], ignore_index=True)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "flights.sqlite"
    flights.write(path)
    return path


@pytest.fixture(scope="module")
def db(sqlite: Path) -> Database:
    return Database.open(
        f"sqlite:///{sqlite}",
        manifest=flights.MANIFEST,
        val_timestamp=flights.VAL_TIMESTAMP,
        test_timestamp=flights.TEST_TIMESTAMP,
        out=sqlite.parent / "arranged",
    )


def instants(column: pd.Series) -> pd.Series:
    return column.dt.tz_localize("UTC")


def test_no_row_is_lost(tables: dict[str, pd.DataFrame], published: pd.DataFrame) -> None:
    assert {name: len(frame) for name, frame in tables.items()} == {
        "airlines": 16,
        "airports": 1458,
        "planes": 3322,
        "weather": 26115,
        "flights": 336776,
        "departures": 336776,
        "arrivals": 328521,
    }
    joined = tables["flights"].merge(tables["departures"].drop(columns="known_at"), on="flight_id")
    joined = joined.merge(tables["arrivals"].drop(columns="known_at"), on="flight_id", how="left")
    columns = [c for c in published if c not in ("scheduled", "left", "time_hour")]
    pd.testing.assert_frame_equal(joined[columns], published[columns], check_dtype=False)


def test_planned_and_actual_columns_are_apart(tables: dict[str, pd.DataFrame]) -> None:
    outcome = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert not outcome & set(tables["flights"])
    assert outcome & set(tables["departures"]) == {"dep_time", "dep_delay"}
    assert outcome & set(tables["arrivals"]) == {"arr_time", "arr_delay", "air_time"}


def test_departures_are_known_when_the_plane_left(
    tables: dict[str, pd.DataFrame], published: pd.DataFrame
) -> None:
    departures = tables["departures"]
    known = instants(departures["known_at"])
    flown = ~departures["cancelled"]
    assert (known >= published["scheduled"]).all()
    assert (known >= published["left"])[flown].all()
    exact = flown & (published["dep_delay"] >= 0)
    assert (known == published["left"])[exact].all()
    # a cancellation is known once no delay of the year could explain the wait
    waited = (known - published["scheduled"])[~flown]
    assert (waited > published["dep_delay"].max() * MINUTE).all()
    assert departures["cancelled"].sum() == 8255


def test_arrivals_are_known_at_the_gate(
    tables: dict[str, pd.DataFrame], published: pd.DataFrame
) -> None:
    """Against two witnesses: the clock at the destination, and the time spent in the air."""
    zones = tables["airports"].set_index("faa")["tzone"]
    arrivals = tables["arrivals"].merge(published, left_on="flight_id", right_index=True)
    landed = arrivals[~arrivals["diverted"]]
    known = instants(landed["known_at"])
    on_ground = (known - landed["left"]) / MINUTE - landed["air_time_x"]
    assert on_ground.min() >= 5
    assert on_ground.max() <= 4 * 60
    assert 25 < on_ground.median() < 35
    skipped = 0
    for zone, rows in landed.groupby(landed["dest"].map(zones)):
        local = known[rows.index].dt.tz_convert(zone)
        clock = local.dt.hour * 100 + local.dt.minute
        skipped += int((clock != rows["arr_time_x"] % 2400).sum())
    assert skipped == 1  # 2:03 in the night in which summer time begins: no clock showed it
    diverted = arrivals[arrivals["diverted"]]
    assert (instants(diverted["known_at"]) - diverted["left"] >= pd.Timedelta(days=1)).all()
    assert len(diverted) == 9430 - 8255


def test_weather_is_known_when_the_hour_is_over(tables: dict[str, pd.DataFrame]) -> None:
    weather = tables["weather"]
    assert ((weather["known_at"] - weather["time_hour"]) == pd.Timedelta(hours=1)).all()


def test_the_key_does_not_tell_who_left_first(tables: dict[str, pd.DataFrame]) -> None:
    planned = tables["flights"]
    assert planned["known_at"].is_monotonic_increasing
    order = planned[["known_at", "carrier", "flight"]]
    pd.testing.assert_frame_equal(order, order.sort_values(list(order), ignore_index=True))
    np.testing.assert_array_equal(planned["flight_id"], np.arange(len(planned)))


def test_keys_are_declared(sqlite: Path) -> None:
    with closing(sqlite3.connect(sqlite)) as connection:
        keys: dict[str, list[tuple]] = {}
        for name in ("weather", "flights", "departures", "arrivals"):
            rows = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            keys[name] = sorted((parent, child) for _, _, parent, child, *_ in rows)
        pkey = connection.execute("PRAGMA table_info(weather)").fetchall()
    assert keys["weather"] == [("airports", "origin")]
    assert keys["departures"] == keys["arrivals"] == [("flights", "flight_id")]
    assert keys["flights"] == [
        ("airlines", "carrier"),
        ("airports", "dest"),
        ("airports", "origin"),
        ("planes", "tailnum"),
        ("weather", "origin"),
        ("weather", "time_hour"),
    ]
    assert [row[1] for row in pkey if row[5]] == ["origin", "time_hour"]


def test_ingest_finds_keys_times_and_defects(db: Database) -> None:
    schema = db.schema
    assert schema.static_tables == ["airlines", "airports", "planes"]
    assert {schema.table(t).time_col for t in flights._TIMED} == {"known_at"}
    weather = {f.parent: f.columns for f in schema.table("flights").fkeys}["weather"]
    assert weather == ("origin", "time_hour")
    counts = sorted(schema.defects.values())
    assert counts == [1556, 2512, 7602, 50094]
    assert sum(table.num_rows for table in schema.tables.values()) == 1_032_984


@pytest.mark.parametrize(
    ("split", "size", "positive"),
    [("train", 84490, 0.2006), ("val", 11345, 0.1134), ("test", 15509, 0.1896)],
)
def test_plane_late_sizes_and_base_rates(
    db: Database, split: str, size: int, positive: float
) -> None:
    seeds = Task.load("plane-late").seeds(db, split)
    assert len(seeds) == size
    assert seeds.target.mean() == pytest.approx(positive, abs=1e-4)


def test_plane_late_labels_by_hand(db: Database, published: pd.DataFrame) -> None:
    """One seed time of the test split, worked out in pandas from the published table."""
    seeds = Task.load("plane-late").seeds(db, "test")
    at = pd.Timestamp("2013-11-17", tz="UTC")
    rows = seeds.frame(db)[seeds.time == times.instant("2013-11-17")]
    planes = set(pd.read_csv(flights._package_data() / "planes.csv")["tailnum"])
    left = published[["scheduled", "left"]].max(axis=1)
    flown = published.assign(known=left)[published["left"].notna()]
    flown = flown[flown["tailnum"].isin(planes)]
    before = flown[(flown["known"] > at - pd.Timedelta(days=14)) & (flown["known"] <= at)]
    after = flown[(flown["known"] > at) & (flown["known"] <= at + pd.Timedelta(days=7))]
    late = after.groupby("tailnum")["dep_delay"].mean() > 15
    assert set(rows["tailnum"]) == set(before["tailnum"])
    expected = rows["tailnum"].map(late).fillna(False).astype(float)
    np.testing.assert_array_equal(rows["late"], expected)


@pytest.mark.parametrize("name", ["plane-late", "airport-delay"])
def test_who_is_asked_is_known_at_the_seed(db: Database, name: str) -> None:
    """Prediction at a test seed time asks the same entities, from a database that ends there."""
    task = Task.load(name)
    seeds = task.seeds(db, "test")
    for at in np.unique(seeds.time)[:3]:
        asked = task.seeds_at(db, int(at))
        np.testing.assert_array_equal(asked.entity, seeds.entity[seeds.time == at])


def test_airport_delay_sizes(db: Database) -> None:
    task = Task.load("airport-delay")
    found = {split: task.seeds(db, split) for split in ("train", "val", "test")}
    assert {split: len(seeds) for split, seeds in found.items()} == {
        "train": 3263,
        "val": 480,
        "test": 480,
    }
    keys = db.frame("airports", ["faa"])["faa"]
    assert set(keys[np.unique(found["train"].entity)]) == {"EWR", "JFK", "LGA"}


def test_the_file_is_written_once_per_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HGL_CACHE", str(tmp_path))
    written = []
    monkeypatch.setattr(flights, "write", lambda path: written.append(path.write_bytes(b"")))
    assert flights.source() == flights.source()
    assert len(written) == 1
    assert "flights" in datasets.names()


def test_air_time_is_completed_at_the_gate_and_has_no_twin(db: Database) -> None:
    task = Task.load("air-time")
    sizes = {"train": 244_453, "val": 36_749, "test": 46_144}
    for split, size in sizes.items():
        seeds = task.seeds(db, split)
        assert len(seeds) == size
        assert seeds.task.remove_columns == (("arrivals", "air_time"),)


def test_twins_of_a_diversion_are_found(db: Database) -> None:
    """A diverted flight has no arrival delay and no time in the air: empty cells tell."""
    stated = {"name": "diverted", "kind": "autocomplete", "task_type": "binary_classification"}
    stated |= {"entity_table": "arrivals", "target_col": "diverted"}
    with pytest.raises(TaskError, match="the row's time tells the answer"):
        settled(Task.from_mapping(stated, "task"), db)
    allowed = {**stated, "keep_columns": [["arrivals", "known_at"]]}
    removed = settled(Task.from_mapping(allowed, "task"), db).remove_columns
    assert {column for _, column in removed} == {"diverted", "arr_delay", "air_time"}
