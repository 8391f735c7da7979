"""Databases on real servers: a scratch one per test, on every server that answers."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import URL, Engine, make_url

BACKENDS = ("sqlite", "postgresql", "mysql")
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_STATEMENTS = {
    "postgresql": ("CREATE DATABASE {}", "DROP DATABASE {} WITH (FORCE)"),
    "mysql": ("CREATE DATABASE {} CHARACTER SET utf8mb4", "DROP DATABASE {}"),
}
"""How to make and drop a scratch database."""


def engine(url: str) -> Engine:
    """Return an engine for a test's own writing."""
    parsed = make_url(url)
    driver = DRIVERS.get(parsed.drivername, parsed.drivername)
    return sqlalchemy.create_engine(
        parsed.set(drivername=driver), poolclass=sqlalchemy.pool.NullPool
    )


@contextlib.contextmanager
def scratch(backend: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database of `backend`; skip where no server answers."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / uuid.uuid4().hex}.sqlite"
        return
    admin, name = _admin(backend), f"hgl_test_{uuid.uuid4().hex[:12]}"
    create, drop = _STATEMENTS[backend]
    server = engine(admin.render_as_string(hide_password=False))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(create.format(name))
        try:
            yield admin.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.exec_driver_sql(drop.format(name))


@pytest.fixture(params=BACKENDS)
def server_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database on each server in turn."""
    with scratch(request.param, tmp_path) as url:
        yield url


def _admin(backend: str) -> URL:
    """Return the administrative URL of `backend`; skip where it is not stated or silent."""
    stated = os.environ.get("HGL_TEST_DATABASE_URLS", "").split()
    found = [make_url(u) for u in stated if make_url(u).get_backend_name() == backend]
    if not found:
        pytest.skip(f"HGL_TEST_DATABASE_URLS names no {backend} server")
    try:
        with engine(found[0].render_as_string(hide_password=False)).connect():
            return found[0]
    except sqlalchemy.exc.OperationalError as error:
        pytest.skip(f"{backend} server not reachable: {error.orig}")
