"""A live database as it is in life: odd names and keys, attacks, changes, lost connections."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from hgl.aggregates.batch import compute
from hgl.aggregates.feature import Anchor, Feature, Source, Window
from hgl.aggregates.live.features import LiveFeatures, UnknownEntity
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.db.live import live_reader
from hgl.errors import ConfigError, SchemaError, SourceError
from tests.aggregates.test_batch import assert_same
from tests.aggregates.towns import Seeds
from tests.db.conftest import engine, scratch

TABLES = ('shop "%s', "select")
ATTACK = '\'); DROP TABLE "select"; --'
SHOPS = [("it's", 1, "tier;1"), ("it's", 2, "%s"), (ATTACK, 1, None)]
VISITS = [
    (1, "it's", 1, "2024-01-05 10:00:00", 1.5, "a'b"),
    (2, "it's", 1, "2024-01-05 10:00:00", None, None),
    (3, "it's", 1, "2024-01-07 00:00:00", 2.5, "100%"),
    (4, "it's", 2, "2024-01-06 00:00:00", 8.0, "a'b"),
    (5, ATTACK, 1, "2024-01-06 00:00:00", 4.0, ":limit"),
    (6, "gone", 1, "2024-01-06 00:00:00", 9.0, "$1"),
    (7, None, 1, None, 9.0, "a'b"),
]
NOW = 1704844800  # 2024-01-10
SEEN = Source("select", ("shop",))
FEATURES = (
    Feature("count", SEEN),
    Feature("mean", SEEN, column="größe {} %s", window=Window(2)),
    Feature("share", SEEN, column="co:lon", value="a'b"),
    Feature("days", SEEN, window=Window(1)),
    Feature("value", column="from", categorical=True),
    Feature("last", SEEN, column="co:lon", categorical=True),
)
VOCABULARIES = {FEATURES[4].name: ("tier;1", "%s"), FEATURES[5].name: ("100%", "a'b")}
PLAN = FeaturePlan(TABLES[0], "inclusive", FEATURES, VOCABULARIES)
MANIFEST = {
    "tables": {
        TABLES[0]: {"pkey": ["region", "no"], "columns": {"from": "categorical"}},
        TABLES[1]: {
            "pkey": ["id"],
            "time_col": "at",
            "fkeys": {"shop": {"columns": ["region", "no"], "parent": TABLES[0]}},
            "columns": {"co:lon": "categorical", "größe {} %s": "numerical"},
        },
    }
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the shops and visits, on each server in turn; tests only read it."""
    with built(request.param, tmp_path_factory.mktemp("shops")) as found:
        yield found


@pytest.fixture(scope="module")
def db(url: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The arranged copy of it."""
    return Database.open(url, manifest=MANIFEST, out=tmp_path_factory.mktemp("db") / "arranged")


@pytest.fixture
def live(url: str, db: Database) -> LiveFeatures:
    return LiveFeatures.open(url, db.schema, PLAN)


@contextlib.contextmanager
def built(backend: str, folder: Path) -> Iterator[str]:
    """Yield the URL of the shops and visits."""
    with scratch(backend, folder) as found:
        server, meta = engine(found), sa.MetaData()
        shops = sa.Table(TABLES[0], meta, *_columns(), sa.Column("from", sa.Text))
        visits = sa.Table(
            TABLES[1],
            meta,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            *_columns(),
            sa.Column("at", sa.DateTime),
            sa.Column("größe {} %s", sa.Float),
            sa.Column("co:lon", sa.Text),
        )
        meta.create_all(server)
        with server.begin() as connection:
            connection.execute(sa.insert(shops), [dict(zip(shops.c.keys(), r)) for r in SHOPS])
            connection.execute(sa.insert(visits), [_visit(visits, r) for r in VISITS])
        server.dispose()
        yield found


def _columns() -> list[sa.Column[Any]]:
    return [sa.Column("region", sa.Text), sa.Column("no", sa.Integer)]


def _visit(table: sa.Table, row: tuple[Any, ...]) -> dict[str, Any]:
    cells = dict(zip(table.c.keys(), row))
    return {**cells, "at": cells["at"] and datetime.datetime.fromisoformat(cells["at"])}


def test_odd_names_and_keys_by_hand(db: Database, live: LiveFeatures):
    keys = [{"region": r, "no": n} for r, n, _ in SHOPS]
    found = live.fetch(keys, [NOW] * 3)
    np.testing.assert_allclose(
        found.numerical,
        [[3, 2.5, 1 / 3, 3], [1, 8.0, 1.0, 4], [1, 4.0, 0.0, 4]],
    )
    assert found.categorical.tolist() == [[2, 2], [3, 3], [0, 1]]
    entity = db.row_positions(TABLES[0], db.frame(TABLES[0], ["region", "no"]))
    everyone = db.frame(TABLES[0], ["region", "no"]).to_dict("records")
    seeds = Seeds(entity, np.full(3, NOW))
    assert_same(live.fetch(everyone, [NOW] * 3), compute(db, PLAN, seeds))
    assert_same(LiveFeatures.of(db, PLAN).fetch(everyone, [NOW] * 3), compute(db, PLAN, seeds))


def test_keys_stay_parameters(live: LiveFeatures):
    attacks = [ATTACK + "x", "' OR '1'='1", "\0", "%s", "$1", ":key_0", "x" * 10_000, 7, None]
    keys = [{"region": a, "no": 1} for a in attacks]
    assert not live.known(keys).any()
    for wrong in (1.5, "one", 2**70, -(2**40), None, "1 OR 1=1", float("nan"), []):
        assert not live.known([{"region": "it's", "no": wrong}]).any()
    with pytest.raises(UnknownEntity) as caught:
        live.fetch([{"region": "it's", "no": 1}, *keys], [NOW] * 10)
    assert caught.value.positions == list(range(1, 10))
    assert live.known([{"region": "it's", "no": "2"}]).all()
    assert len(live.fetch([{"region": ATTACK, "no": 1}], [NOW])) == 1


def test_what_cannot_be_asked(live: LiveFeatures):
    with pytest.raises(SchemaError, match="lack \\['no'\\]"):
        live.fetch([{"region": "it's"}], [NOW])
    for time in (float("nan"), 1e15, -1e15):
        with pytest.raises(ConfigError, match="seconds since the epoch"):
            live.fetch([{"region": "it's", "no": 1}], [time])
    with pytest.raises(ConfigError, match="expected as many"):
        live.fetch([{"region": "it's", "no": 1}], [])
    assert len(live.fetch([], [])) == 0


def test_strict_leaves_out_the_same_second(url: str, db: Database, live: LiveFeatures):
    key, second = {"region": "it's", "no": 1}, 1704448800
    strict = LiveFeatures.open(url, db.schema, dataclasses.replace(PLAN, cut="strict"))
    assert live.fetch([key], [second]).numerical[0, 0] == 2
    assert live.fetch([key], [second - 0.5]).numerical[0, 0] == 0
    assert strict.fetch([key], [second]).numerical[0, 0] == 0
    assert strict.fetch([key], [second + 1]).numerical[0, 0] == 2


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_what_is_gone_is_named(backend: str, tmp_path: Path):
    changes = {
        'ALTER TABLE "select" DROP COLUMN "co:lon"': "column 'co:lon' of table 'select' is gone",
        'DROP TABLE "select"': "table 'select' is gone",
    }
    with built(backend, tmp_path) as url:
        db = Database.open(url, manifest=MANIFEST, out=tmp_path / "arranged")
        live = LiveFeatures.open(url, db.schema, PLAN)
        live.check_schema()
        for change, said in changes.items():
            with engine(url).begin() as connection:
                connection.exec_driver_sql(change)
            with pytest.raises(SchemaError, match=said):
                live.check_schema()
            with pytest.raises(SchemaError, match=said):
                live.fetch([{"region": "it's", "no": 1}], [NOW])
            with pytest.raises(SchemaError, match=said):
                LiveFeatures.open(url, db.schema, PLAN)


def test_another_type_is_named(url: str, db: Database):
    name = "größe {} %s"
    table = db.schema.table("select")
    columns = tuple(
        dataclasses.replace(c, type="bool") if c.name == name else c for c in table.columns
    )
    tables = {**db.schema.tables, "select": dataclasses.replace(table, columns=columns)}
    before = dataclasses.replace(db.schema, tables=tables)
    with pytest.raises(SchemaError, match="of table 'select' was bool, now holds float"):
        LiveFeatures.open(url, before, PLAN)


def test_nothing_is_written(url: str, live: LiveFeatures):
    reader, dialect = live_reader(url)
    with pytest.raises(SourceError, match="read"):
        reader.rows('DELETE FROM "select"')
    if dialect == "sqlite":
        file = Path(url.removeprefix("sqlite:///"))
        before = hashlib.sha256(file.read_bytes()).digest()
        live.fetch([{"region": "it's", "no": 1}] * 2, [NOW] * 2)
        live.close()
        assert hashlib.sha256(file.read_bytes()).digest() == before
        assert [f.name for f in file.parent.iterdir()] == [file.name]


def test_many_threads(live: LiveFeatures):
    expected = live.fetch([{"region": "it's", "no": 1}], [NOW])
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(live.fetch, [{"region": "it's", "no": 1}], [NOW]) for _ in range(80)]
        for answer in asked:
            assert_same(answer.result(), expected)
    live.close()


def test_a_dropped_connection_is_replaced(tmp_path: Path):
    with scratch("postgresql", tmp_path) as url:
        reader, _ = live_reader(url)
        ((first,),) = reader.rows("SELECT pg_backend_pid()")
        with engine(url).begin() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        ((second,),) = reader.rows("SELECT pg_backend_pid()")
        assert first != second
        reader.close()


def test_a_statement_that_takes_too_long_is_stopped(url: str):
    reader, _ = live_reader(url, timeout=0.3)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    with pytest.raises(SourceError):
        reader.rows(f"{numbers}SELECT count(*) FROM n")
    assert reader.rows("SELECT 1") == [(1,)]


def test_passwords_stay_secret():
    reader, _ = live_reader("postgresql://user:s3cr3t@127.0.0.1:1/x", timeout=2)
    with pytest.raises(SourceError) as caught:
        reader.rows("SELECT 1")
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(SourceError, match="is not read live"):
        live_reader("mysql+pymysql://user:s3cr3t@127.0.0.1/x")


def test_times_written_in_two_ways_need_a_snapshot(tmp_path: Path):
    file = tmp_path / "mixed.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "CREATE TABLE a (id INTEGER PRIMARY KEY);"
            "CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a, at TIMESTAMP);"
            "INSERT INTO a VALUES (1);"
            "INSERT INTO b VALUES (1, 1, '2024-01-05'), (2, 1, '2024-01-05 10:00:00');"
        )
    connection.close()
    db = Database.open(f"sqlite:///{file}", manifest={"tables": {"b": {"time_col": "at"}}})
    source = Source("b", ("a_id",))
    plan = FeaturePlan("a", "inclusive", (Feature("count", source, Anchor()),))
    with pytest.raises(SchemaError, match=r"table 'b' cannot be read live: .*use a snapshot"):
        LiveFeatures.open(f"sqlite:///{file}", db.schema, plan)
    found = LiveFeatures.of(db, plan).fetch([{"id": 1}, {"id": 1}], [1704412800, NOW])
    assert found.numerical.tolist() == [[1], [2]]


def test_the_statement_is_the_same_each_time(url: str, db: Database, live: LiveFeatures):
    again = LiveFeatures.open(url, db.schema, FeaturePlan.from_dict(PLAN.to_dict()))
    assert again.sql == live.sql
    assert "select.shop: mean größe {} %s, last 2" in live.sql
