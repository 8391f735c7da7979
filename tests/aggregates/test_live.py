"""Columns read live are those of the batch: every way to write times, every window, every null."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hgl.aggregates.batch import compute
from hgl.aggregates.live.features import LiveFeatures
from hgl.db.database import Database
from tests.aggregates import live_towns, towns
from tests.aggregates.test_batch import assert_same
from tests.db.conftest import engine, scratch

NUMBERS = st.integers(0, 2**32)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A town's number says nothing about its size: there is nothing to shrink."""


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL database that is emptied by whoever uses it."""
    with scratch("postgresql", tmp_path_factory.mktemp("postgresql")) as url:
        yield url


def check_town(url: str, number: int, kind: str, folder: Path) -> None:
    """All features of a town, all seeds at once and one by one."""
    db = Database.open(url, manifest=live_towns.build(url, number, kind), out=folder / "arranged")
    asked = live_towns.seeds(db, number)
    plan = towns.everything(db.schema, live_towns.people(db), asked.cut)
    expected = compute(db, plan, asked)
    keys, times = live_towns.keys(db, asked), asked.time.tolist()
    live = LiveFeatures.open(url, db.schema, plan)
    assert_same(live.fetch(keys, times), expected)
    for i in range(3):
        one = live.fetch(keys[i : i + 1], times[i : i + 1])
        np.testing.assert_allclose(one.numerical[0], expected.numerical[i], 1e-9, 1e-9)
        np.testing.assert_array_equal(one.categorical[0], expected.categorical[i])
    live_towns.forget_later(url, db, asked, kind)
    assert_same(live.fetch(keys, times), expected)
    live.close()


@settings(max_examples=3, phases=PHASES)
@given(NUMBERS, st.sampled_from(sorted(set(live_towns.KINDS) - {"timestamptz"})))
def test_sqlite_reads_what_the_batch_computes(number: int, kind: str):
    with tempfile.TemporaryDirectory() as folder:
        check_town(f"sqlite:///{folder}/town.sqlite", number, kind, Path(folder))


@settings(max_examples=2, phases=PHASES)
@given(NUMBERS, st.sampled_from(sorted(live_towns.KINDS)))
def test_postgresql_reads_what_the_batch_computes(postgresql: str, number: int, kind: str):
    server = engine(postgresql)
    with server.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    server.dispose()
    with tempfile.TemporaryDirectory() as folder:
        check_town(postgresql, number, kind, Path(folder))


@settings(max_examples=3, phases=PHASES)
@given(NUMBERS)
def test_a_snapshot_reads_what_the_batch_computes(number: int):
    with tempfile.TemporaryDirectory() as folder:
        db, asked = towns.random_town(number, Path(folder))
        plan = towns.everything(db.schema, "people", asked.cut)
        asked = towns.Seeds(asked.entity, asked.time, asked.cut)
        keys = live_towns.keys(db, asked)
        live = LiveFeatures.of(db, plan)
        assert_same(live.fetch(keys, asked.time.tolist()), compute(db, plan, asked))
