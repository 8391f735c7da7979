"""One database, one student of it, and its columns read live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hgl.aggregates.live.features import LiveFeatures
from hgl.db.database import Database
from hgl.export.artefact import Artefact
from hgl.export.calibration import Probabilities
from tests.export import shop


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database."""
    return shop.write(tmp_path_factory.mktemp("shop") / "shop.db")


@pytest.fixture(scope="session")
def db(url: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Its arranged copy."""
    return Database.open(url, out=tmp_path_factory.mktemp("arranged") / "shop")


@pytest.fixture(scope="session")
def artefact(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """A student of it; exporting takes seconds."""
    plan = shop.plan(db)
    scorer = shop.scorer(plan, Probabilities("binary", 1.5))
    folder: Path = tmp_path_factory.mktemp("artefacts") / "student"
    return Artefact.write(folder, shop.manifest(db, plan), scorer, "SELECT 1 -- æ")


@pytest.fixture(scope="session")
def features(url: str, db: Database) -> Iterator[LiveFeatures]:
    """Its columns, from the database itself."""
    live = LiveFeatures.open(url, db.schema, shop.plan(db))
    yield live
    live.close()
