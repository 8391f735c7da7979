"""The random towns as real SQL databases, their times written in every way there is."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from hgl.aggregates.batch import limits
from hgl.db.database import Database
from hgl.typing import STATIC_TIME, UNKNOWN_TIME
from tests.aggregates import towns
from tests.aggregates.towns import Seeds
from tests.db.conftest import engine

BASE = datetime.datetime(2013, 10, 1)
STRANGE = {"people": 'peo"ple 100%s', "orders": "order", "items": "größe :x"}
"""Names that have to be quoted."""


def _datetime(ms: int) -> datetime.datetime:
    return BASE + datetime.timedelta(milliseconds=ms)


def _epoch(unit: int) -> Callable[[int], int]:
    return lambda ms: (
        (int(BASE.replace(tzinfo=datetime.UTC).timestamp()) * 1000 + ms) * unit // 1000
    )


KINDS: Mapping[str, tuple[Any, Callable[[int], Any]]] = {
    "timestamp": (sa.DateTime, _datetime),
    "timestamptz": (
        sa.DateTime(timezone=True),
        lambda ms: _datetime(ms).replace(tzinfo=datetime.UTC),
    ),
    "date": (sa.Date, lambda ms: BASE.date() + datetime.timedelta(days=ms // 1000)),
    "text": (sa.Text, lambda ms: _datetime(ms).isoformat()),
    "zoned text": (sa.Text, lambda ms: f"{_datetime(ms):%Y-%m-%d %H:%M:%S.%f}Z"),
    "whole text": (sa.Text, lambda ms: f"{_datetime(ms):%Y-%m-%d %H:%M:%S}"),
    "date text": (sa.Text, lambda ms: f"{_datetime(ms * 86400):%Y-%m-%d}"),
    "seconds": (sa.BigInteger, _epoch(1)),
    "milliseconds": (sa.BigInteger, _epoch(10**3)),
    "microseconds": (sa.BigInteger, _epoch(10**6)),
    "nanoseconds": (sa.BigInteger, _epoch(10**9)),
    "fractions": (sa.Float, lambda ms: _epoch(1000)(ms) / 1000),
    "years": (sa.Integer, lambda ms: 2013 + ms // 1000),
}
"""How times are written: a column type, and milliseconds since `BASE` as its values."""


def build(url: str, number: int, kind: str) -> Mapping[str, Any]:
    """Write town `number` to an empty database; return its manifest."""
    random = np.random.default_rng(number)
    meta, server = sa.MetaData(), engine(url)
    frames = towns.frames(random)
    tables = {name: _table(meta, name, kind) for name in frames}
    meta.create_all(server)
    with server.begin() as connection:
        for name, frame in frames.items():
            connection.execute(sa.insert(tables[name]), _rows(frame, kind))
    server.dispose()
    return _manifest(random)


def seeds(db: Database, number: int) -> Seeds:
    """Seeds of its people at and around the times of the town, now and then far from all."""
    random = np.random.default_rng(number)
    known = [t for t in (db.times(name) for name in db.schema.tables) if t is not None]
    instants = np.concatenate([*known, [1380585600]])
    instants = instants[(instants != UNKNOWN_TIME) & (instants != STATIC_TIME)]
    n = 12
    return Seeds(
        random.integers(0, db.schema.table(people(db)).num_rows, n),
        random.choice(instants, n) + random.choice([-1, 0, 0, 1, 86400], n),
        str(random.choice(["inclusive", "strict"])),  # type: ignore[arg-type]
    )


def people(db: Database) -> str:
    """What the town calls its people."""
    return next(n for n in ("people", STRANGE["people"]) if n in db.schema.tables)


def keys(db: Database, asked: Seeds) -> list[dict[str, Any]]:
    """What the user calls the seeds' people."""
    table = db.schema.table(people(db))
    return db.frame(table.name, list(table.pkey)).iloc[asked.entity].to_dict("records")


def forget_later(url: str, db: Database, asked: Seeds, kind: str) -> None:
    """Delete every row that is later than all limits, in its own time's column."""
    limit, server = int(limits(asked).max()), engine(url)
    with server.begin() as connection:
        for name in db.schema.tables:
            known = db.times(name)
            if known is None or name == people(db):
                continue
            later = db.frame(name, ["id"])["id"][known > limit].tolist()
            table = sa.table(name, sa.column("id"))
            connection.execute(sa.delete(table).where(table.c.id.in_(later)))
    server.dispose()


def _table(meta: sa.MetaData, name: str, kind: str) -> sa.Table:
    columns = [
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", KINDS[kind][0]),
        *(sa.Column(fkey, sa.Integer) for fkey in towns.PARENTS[name]),
        sa.Column("amount", sa.Float),
        sa.Column("paid", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("since", sa.DateTime),
    ]
    return sa.Table(STRANGE.get(name, name), meta, *columns)


def _rows(frame: pd.DataFrame, kind: str) -> list[dict[str, Any]]:
    ticks = frame["at"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    times = [None if n else KINDS[kind][1](int(t)) for t, n in zip(ticks, frame["at"].isna())]
    rows = []
    for row, time in zip(frame.to_dict("records"), times):
        cells = {c: None if pd.isna(v) else v for c, v in row.items()}
        since = cells["since"]
        cells["since"] = None if since is None else since.to_pydatetime(warn=False)
        rows.append({**cells, "at": time})
    return rows


def _manifest(random: np.random.Generator) -> Mapping[str, Any]:
    stated = towns.manifest(random)["tables"]
    for name, block in stated.items():
        block["fkeys"] = {f: STRANGE.get(p, p) for f, p in towns.PARENTS[name].items()}
        if random.random() < 0.3 and block["null_times"] == "hidden":
            del block["time_col"]  # may inherit one, or find its own
    return {"tables": {STRANGE.get(name, name): block for name, block in stated.items()}}
