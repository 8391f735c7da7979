"""Every way to write times reads as the arranged copy has it: nulls, fractions, before 1970."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from hgl.aggregates.batch import compute
from hgl.aggregates.feature import Feature, Source, Window
from hgl.aggregates.live.features import LiveFeatures
from hgl.aggregates.plan import FeaturePlan
from hgl.db.database import Database
from hgl.typing import UNKNOWN_TIME
from tests.aggregates.live_towns import KINDS
from tests.aggregates.test_batch import assert_same
from tests.aggregates.towns import Seeds
from tests.db.conftest import engine, scratch

ROWS, TIMES = 24, 40


def build(url: str, kinds: list[str]) -> None:
    """One table per way, whose rows all refer to the one hub: ties, nulls and parts of seconds."""
    random = np.random.default_rng(0)
    meta, server = sa.MetaData(), engine(url)
    hub = sa.Table("hub", meta, sa.Column("id", sa.Integer, primary_key=True))
    tables = {
        kind: sa.Table(
            kind,
            meta,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("hub_id", sa.ForeignKey("hub.id")),
            sa.Column("at", KINDS[kind][0]),
            sa.Column("amount", sa.Float),
        )
        for kind in kinds
    }
    meta.create_all(server)
    with server.begin() as connection:
        connection.execute(sa.insert(hub), [{"id": 1}])
        for kind, table in tables.items():
            ticks = random.integers(-4, 4, ROWS) * 1000 + random.choice([0, 0, 1, 250, 999], ROWS)
            rows = [
                {"id": i, "hub_id": 1, "at": KINDS[kind][1](int(t)), "amount": float(i)}
                for i, t in enumerate(ticks)
            ]
            rows[3]["at"] = rows[8]["at"] = None
            connection.execute(sa.insert(table), rows)
    server.dispose()


def features(kind: str) -> list[Feature]:
    source = Source(kind, ("hub_id",))
    return [
        Feature("count", source),
        Feature("count", source, window=Window(None, 2)),
        Feature("mean", source, column="amount", window=Window(3)),
        Feature("last", source, column="amount"),
        Feature("days", source),
        Feature("days", source, window=Window(2)),
    ]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_every_way_to_write_times(backend: str, tmp_path: Path):
    kinds = [kind for kind in KINDS if kind != "timestamptz" or backend == "postgresql"]
    with scratch(backend, tmp_path) as url:
        build(url, kinds)
        rules = ("hidden", "visible")
        stated = {
            kind: {"time_col": "at", "null_times": rules[i % 2]} for i, kind in enumerate(kinds)
        }
        db = Database.open(url, manifest={"tables": stated}, out=tmp_path / "arranged")
        plan = FeaturePlan("hub", "inclusive", tuple(f for k in kinds for f in features(k)))
        known = [t for t in (db.times(kind) for kind in kinds) if t is not None]
        instants = np.unique(np.concatenate(known))
        instants = instants[(instants > 0) & (instants != UNKNOWN_TIME)]
        times = np.concatenate([instants - 1, instants])
        times = np.random.default_rng(1).choice(times, TIMES, replace=False)
        live = LiveFeatures.open(url, db.schema, plan)
        asked = Seeds(np.zeros(len(times), np.int64), times)
        assert_same(live.fetch([{"id": 1}] * len(times), times.tolist()), compute(db, plan, asked))
