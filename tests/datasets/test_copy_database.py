"""A copy on a server holds the same rows and keys, dangling ones included."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from hgl.db.database import Database

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "copy_database.py"
SERVERS = os.environ.get("HGL_TEST_DATABASE_URLS", "").split()
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


@pytest.fixture(scope="module")
def copy() -> Callable[[str, str], dict[str, int]]:
    spec = spec_from_file_location("copy_database", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.copy


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "source.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE hours (place VARCHAR(3), at TIMESTAMP, heat DOUBLE PRECISION,
                PRIMARY KEY (place, at));
            CREATE TABLE trips (trip_id INTEGER PRIMARY KEY, place VARCHAR(3), at TIMESTAMP,
                late BOOLEAN, FOREIGN KEY (place, at) REFERENCES hours (place, at));
            INSERT INTO hours VALUES ('JFK', '2013-01-01 05:00:00', 39.02);
            INSERT INTO trips VALUES
                (0, 'JFK', '2013-01-01 05:00:00', 1),
                (1, 'LGA', '2013-01-01 06:00:00', 0),
                (2, NULL, '2013-01-01 07:00:00', NULL);
            """
        )
    return f"sqlite:///{path}"


@pytest.fixture(params=list(DRIVERS))
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database, dropped afterwards."""
    kind = request.param
    server = next((url for url in SERVERS if url.startswith(kind)), None)
    if server is None:
        pytest.skip(f"HGL_TEST_DATABASE_URLS names no {kind} server")
    admin = sa.make_url(server).set(drivername=DRIVERS[kind])
    engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT")
    name = f"hgl_copy_{uuid.uuid4().hex[:8]}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield admin.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        connection.execute(sa.text(f"DROP DATABASE {name}{force}"))
    engine.dispose()


def test_a_copy_is_the_same_database(
    copy: Callable[[str, str], dict[str, int]], source: str, target: str, tmp_path: Path
) -> None:
    assert copy(source, target) == {"hours": 1, "trips": 3}
    manifest = {"tables": {"trips": {"time_col": "at"}}}
    one, other = (
        Database.open(url, manifest=manifest, out=tmp_path / name)
        for name, url in (("one", source), ("other", target))
    )
    for name, columns in (("hours", ["place", "at", "heat"]), ("trips", ["trip_id", "at", "late"])):
        frames = [db.frame(name, columns) for db in (one, other)]
        if name == "trips":  # MariaDB has no booleans
            frames = [frame.astype({"late": "float"}) for frame in frames]
        pd.testing.assert_frame_equal(*frames, check_dtype=False)
        assert one.schema.table(name).pkey == other.schema.table(name).pkey
    keys = [
        [(f.columns, f.parent, f.parent_columns) for f in db.schema.table("trips").fkeys]
        for db in (one, other)
    ]
    assert keys[0] == keys[1] == [(("place", "at"), "hours", ("place", "at"))]
    assert sorted(one.schema.defects.values()) == sorted(other.schema.defects.values()) == [1, 1]
