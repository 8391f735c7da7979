"""The tables of a store of trials."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text

VERSION = 1
METADATA = MetaData()
STORE = Table("hgl_store", METADATA, Column("version", Integer, primary_key=True))
SEARCH = Table(
    "hgl_search",
    METADATA,
    Column("name", Text, primary_key=True),
    *(
        Column(name, Text, nullable=False)
        for name in ("database", "task", "space", "settings", "ladder", "metric")
    ),
)
TRIAL = Table(
    "hgl_trial",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("database", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("bits", Text, nullable=False),
    Column("num_hops", Integer, nullable=False),
    Column("settings", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed", Float(53), nullable=False),
    Column("heartbeat", Float(53), nullable=False),
    Column("finished", Float(53)),
    Column("validation", Text),
    Column("seconds", Text),
    Column("error_type", Text),
    Column("error", Text),
    Index("hgl_trial_of", "database", "task", "settings"),
)
TEST = Table(
    "hgl_trial_test",
    METADATA,
    Column("id", Text, ForeignKey(TRIAL.c.id), primary_key=True),
    Column("metrics", Text, nullable=False),
)
