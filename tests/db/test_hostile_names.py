"""Tables and columns whose names attack SQL, from the source to a live statement."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from hgl.aggregates.batch import compute
from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.db.duck import identifier
from hgl.db.folder import find_tables
from hgl.errors import SchemaError
from hgl.tasks.task import Task
from tests.aggregates.test_batch import assert_same
from tests.aggregates.towns import Seeds
from tests.db.conftest import BACKENDS, engine, scratch

NAMES = (
    'quo"te',
    "semi'; DROP TABLE x; --",
    "-- comment `tick`",
    "*",
    "select",
    "größe ☃ %s {} $1 :x ?",
    "[brackets]*",
    "x" * 58,
    "new\nline\ttab",
)
"""Within what every server allows: MariaDB has no emoji in names, PostgreSQL 63 bytes."""
LINES = NAMES[-1]
"""Of which SQLAlchemy makes two columns on MariaDB, and hgl one error."""
DAY = 86400
NOW = 1704844800  # 2024-01-10


def _tables(name: str) -> dict[str, pd.DataFrame]:
    """Two parents and three children, everything called after `name`."""
    at = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-08"])
    parents = pd.DataFrame({f"{name}/*1": [1, 2], name: ["a", "'; --"]})
    children = {
        f"{name}/*1": [1, 2, 3],
        f"{name}/*2": [1, 1, 2],
        f"{name}/*3": at,
        name: [1.0, 3.0, 5.0],
    }
    return {name: parents, f"{name}c": pd.DataFrame(children)}


def _names(source: str) -> tuple[str, ...]:
    return NAMES[:-1] if source.startswith("mysql") else NAMES


def _write(url: str, names: tuple[str, ...]) -> None:
    kinds = {
        "i": sa.Integer,
        "f": sa.Float,
        "M": sa.DateTime,
        "O": sa.String(40),
        "U": sa.String(40),
    }
    server, meta = engine(url), sa.MetaData()
    with server.begin() as connection:
        for name in names:
            for title, frame in _tables(name).items():
                kept = [
                    sa.Column(c, kinds.get(frame[c].dtype.kind, sa.String(40)), key=f"c{i}")
                    for i, c in enumerate(frame)
                ]
                table = sa.Table(title, meta, *kept, sa.PrimaryKeyConstraint("c0"))
                table.create(connection)
                rows = frame.set_axis([f"c{i}" for i in range(len(kept))], axis=1)
                connection.execute(sa.insert(table), _plain(rows))
    server.dispose()


def _plain(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {k: v.to_pydatetime() if isinstance(v, datetime.datetime) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


@pytest.fixture(scope="module", params=[*BACKENDS, "folder"])
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """All the tables, on each server and as Parquet files."""
    folder = tmp_path_factory.mktemp("hostile")
    if request.param == "folder":
        for name in NAMES:
            for title, frame in _tables(name).items():
                (folder / title).mkdir()
                frame.to_parquet(folder / title / "rows.parquet")
        assert len(find_tables(folder)) == 2 * len(NAMES)
        yield str(folder)
        return
    with scratch(request.param, folder) as url:
        _write(url, _names(url))
        yield url


@pytest.fixture(scope="module")
def db(source: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The arranged copy of it."""
    tables = {}
    for name in _names(source):
        tables[name] = {"pkey": f"{name}/*1", "columns": {name: "categorical"}}
        tables[f"{name}c"] = {
            "pkey": f"{name}/*1",
            "time_col": f"{name}/*3",
            "fkeys": {f"{name}/*2": name},
            "columns": {name: "numerical"},
        }
    out = tmp_path_factory.mktemp("db") / "arranged"
    return Database.open(source, name="hostile", manifest={"tables": tables}, out=out)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, source: str) -> str:
    """Each name that the source can have."""
    if request.param not in _names(source):
        pytest.skip("MariaDB's catalogue is read by lines")
    return str(request.param)


def test_rows_labels_and_columns_are_right(source: str, db: Database, name: str) -> None:
    parents, children = name, f"{name}c"
    assert list(db.frame(children)[name]) == [1.0, 3.0, 5.0]
    task = Task(
        name=name,
        entity_table=parents,
        entity_col=(f"{name}/*1",),
        target_col=name,
        kind="regression",
        timedelta=DAY,
        val_timestamp=NOW - 8 * DAY,
        test_timestamp=NOW - 3 * DAY,
        sql=f"SELECT t.timestamp, p.{identifier(f'{name}/*1')}, "
        f"COALESCE(SUM(c.{identifier(name)}), 0) AS {identifier(name)} "
        f"FROM timestamps t CROSS JOIN {identifier(parents)} p LEFT JOIN {identifier(children)} c "
        f"ON c.{identifier(f'{name}/*2')} = p.{identifier(f'{name}/*1')} "
        f"AND c.{identifier(f'{name}/*3')} > t.timestamp "
        f"AND c.{identifier(f'{name}/*3')} <= t.timestamp + INTERVAL '1 day' GROUP BY ALL",
    )
    seeds = task.seeds(db, "val")
    assert dict(zip(seeds.entity, seeds.target, strict=True)) == {0: 3.0, 1: 0.0}


def test_the_live_statement_gives_the_same_columns(source: str, db: Database, name: str) -> None:
    rows = Source(f"{name}c", (f"{name}/*2",))
    features = (
        Feature("count", rows),
        Feature("mean", rows, column=name),
        Feature("value", column=name, categorical=True),
    )
    vocabulary = {features[2].name: ("'; --", "a")}
    plan = FeaturePlan(name, "inclusive", features, vocabulary)
    batch = compute(db, plan, Seeds(np.array([0, 1]), np.full(2, NOW)))
    assert batch.numerical.tolist() == [[2, 2.0], [1, 5.0]]
    is_read_live = source.startswith(("sqlite", "postgresql"))
    live = LiveFeatures.open(source, db.schema, plan) if is_read_live else LiveFeatures.of(db, plan)
    with closing(live):
        assert_same(live.fetch([{f"{name}/*1": 1}, {f"{name}/*1": 2}], [NOW] * 2), batch)


def test_names_of_several_lines_are_refused_on_mariadb(tmp_path: Path) -> None:
    with scratch("mysql", tmp_path) as url:
        _write(url, (LINES,))
        with pytest.raises(SchemaError, match="has no readable column; leave it out by exclude"):
            Database.open(url, out=tmp_path / "db")


@pytest.mark.parametrize("sql_schema", ['sch"ema; --', "select", "größe 🙂 '%s'"])
def test_a_schema_may_be_called_anything(sql_schema: str, tmp_path: Path) -> None:
    with scratch("postgresql", tmp_path) as url:
        quoted = '"' + sql_schema.replace('"', '""').replace("%", "%%") + '"'
        with engine(url).begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {quoted}")
            connection.exec_driver_sql(f"CREATE TABLE {quoted}.a (id int PRIMARY KEY, b text)")
            connection.exec_driver_sql(f"INSERT INTO {quoted}.a VALUES (1, 'x')")
        db = Database.open(url, sql_schema=sql_schema, out=tmp_path / "db")
        assert db.frame("a")["b"].tolist() == ["x"]
