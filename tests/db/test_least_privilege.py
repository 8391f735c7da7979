"""A role that may only read suffices, and nothing is written with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from tests.db.conftest import engine, scratch

GRANTS = {
    "postgresql": (
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    ),
    "mysql": (
        "CREATE USER {role}@'%%' IDENTIFIED BY 'secret'",
        "GRANT SELECT ON {database}.* TO {role}@'%%'",
    ),
}
"""As docs/hostile_input.md gives them."""
TAKEN_BACK = {
    "postgresql": ("DROP OWNED BY {role}", "DROP ROLE {role}"),
    "mysql": ("DROP USER {role}@'%%'",),
}
TABLES = {
    "users": pd.DataFrame({"id": [1, 2], "city": ["Oslo", "Rome"]}),
    "orders": pd.DataFrame(
        {"id": [1, 2], "user_id": [1, 1], "at": pd.to_datetime(["2024-01-01", "2024-01-02"])}
    ),
}


@contextmanager
def granted(backend: str, url: str) -> Iterator[str]:
    """Yield the URL of a role of its own that may read the database and do nothing else."""
    words = {"role": f"hgl_reader_{uuid.uuid4().hex[:8]}", "database": make_url(url).database}
    owner = engine(url)
    with owner.begin() as connection:
        for statement in GRANTS[backend]:
            connection.exec_driver_sql(statement.format(**words))
    try:
        reader = make_url(url).set(username=words["role"], password="secret")
        yield reader.render_as_string(hide_password=False)
    finally:
        with owner.begin() as connection:
            for statement in TAKEN_BACK[backend]:
                connection.exec_driver_sql(statement.format(**words))


@contextmanager
def shop(backend: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the URLs of an owner and of a reader of one small database."""
    with scratch(backend, folder) as url:
        with engine(url).begin() as connection:
            for name, frame in TABLES.items():
                frame.to_sql(name, connection, index=False, dtype={"city": sa.String(20)})
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
        with granted(backend, url) as reader:
            yield url, reader


def _content(url: str) -> list[tuple[str, list[tuple[object, ...]]]]:
    """Return every table with its rows."""
    with engine(url).connect() as connection:
        return [
            (name, [tuple(r) for r in connection.exec_driver_sql(f"SELECT * FROM {name}")])
            for name in sorted(sa.inspect(connection).get_table_names())
        ]


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_a_reader_suffices(backend: str, tmp_path: Path) -> None:
    with shop(backend, tmp_path) as (url, reader):
        with (
            engine(reader).connect() as connection,
            pytest.raises(sa.exc.DBAPIError, match="denied"),
        ):
            connection.exec_driver_sql("INSERT INTO users VALUES (3, 'Bern')")
        before = _content(url)
        db = Database.open(reader, name="shop", out=tmp_path / "arranged")
        assert db.schema.table("orders").num_rows == 2
        plan = FeaturePlan(
            "users", "inclusive", (Feature("count", Source("orders", ("user_id",))),)
        )
        is_live = backend == "postgresql"
        live = LiveFeatures.open(reader, db.schema, plan) if is_live else LiveFeatures.of(db, plan)
        with closing(live):
            found = live.fetch([{"id": 1}, {"id": 2}], [1704500000] * 2)
        assert found.numerical.tolist() == [[2], [0]]
        assert _content(url) == before
