"""The same awkward schema on every server must come out as the same database."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import relbench
import sqlalchemy as sa

from hgl.db import sql, times
from hgl.db.database import Database
from hgl.db.sql import reflect
from hgl.errors import SchemaError
from tests.db import messy
from tests.db.conftest import BACKENDS, engine, scratch

BIG = "CREATE VIEW big AS SELECT id, amount FROM sale WHERE id > 50"


@pytest.fixture(scope="module", params=BACKENDS)
def messy_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of the awkward schema, on each server in turn; tests only read it."""
    with scratch(request.param, tmp_path_factory.mktemp("messy")) as url:
        messy.load(url)
        with engine(url).begin() as connection:
            connection.execute(
                sa.text("CREATE VIEW big AS SELECT id, amount FROM sale WHERE id > 50")
            )
        yield url


def test_keys_are_reflected(messy_url: str) -> None:
    schema = reflect(messy_url)
    assert list(schema.tables) == sorted(messy.metadata().tables)
    assert schema.table("sale line").pkey == ("sale_id", "no")
    assert schema.table("shop").pkey == ("region", "code")
    fkeys = {
        (t.name, f.name, f.columns, f.parent, f.parent_columns)
        for t in schema.tables.values()
        for f in t.fkeys
    }
    assert fkeys == {
        ("Person", "boss_id", ("boss_id",), "Person", ("id",)),
        ("sale", "buyer", ("buyer",), "Person", ("id",)),
        ("sale", "seller", ("seller",), "Person", ("id",)),
        ("sale", "at_shop", ("region", "shop_code"), "shop", ("region", "code")),
        ("sale line", "sale_id", ("sale_id",), "sale", ("id",)),
        ("sale line", "what", ("what",), "select", ("order",)),
    }


def test_values_and_order_are_the_sources(messy_url: str) -> None:
    db = Database.open(messy_url)
    db.validate()
    written = messy.rows(timezone=False)
    for name, found in written.items():
        table = db.schema.table(name)
        frame, expected = db.frame(name), pd.DataFrame(found)
        assert len(frame) == len(expected) == table.num_rows
        if not found:
            continue
        order = [c for c in ("sold_at",) if c in expected] + list(table.pkey)
        if name == "sale line":
            sold = pd.DataFrame(written["sale"]).set_index("id")["sold_at"]
            expected["sold_at"] = expected["sale_id"].map(sold)
            order = ["sold_at", *order]
        expected = expected.sort_values(order, na_position="last").reset_index(drop=True)
        for column in expected.columns.difference(["photo", "sold_at"]):
            assert _plain(frame[column]) == _plain(expected[column]), (name, column)


def test_positions_lead_to_the_parents(messy_url: str) -> None:
    db = Database.open(messy_url)
    frames = {t: db.frame(t) for t in db.schema.tables}
    for table in db.schema.tables.values():
        child = frames[table.name]
        for fkey in table.fkeys:
            parents = frames[fkey.parent].set_index(list(fkey.parent_columns))
            for values, position in zip(
                child[list(fkey.columns)].itertuples(index=False), child[fkey.row_col]
            ):
                if any(pd.isna(v) for v in values):
                    assert pd.isna(position)
                else:
                    key = values[0] if len(values) == 1 else tuple(values)
                    assert parents.loc[key, "_row"] == position


def test_time_blobs_and_defects(messy_url: str) -> None:
    db = Database.open(messy_url)
    assert db.schema.table("sale").time_col == "sold_at"
    line = db.schema.table("sale line")
    assert line.time_col == "_time"
    assert "inherited" in line.time_reason
    sold = db.times("sale")
    assert sold is not None
    positions = db.frame("sale line", ["sale_id_row"])["sale_id_row"]
    np.testing.assert_array_equal(db.times("sale line"), sold[positions])
    assert "photo" not in [c.name for c in db.schema.table("Person").columns]
    assert db.schema.defects["Person.photo: blob left out"] == 9
    assert db.schema.defects["sale.buyer: null"] == 11
    assert db.schema.defects["sale.at_shop: null"] == 8
    assert not [d for d in db.schema.defects if "dangling" in d or "fit" in d]


def test_relbench_reads_what_was_ingested(messy_url: str, tmp_path: Path) -> None:
    db = Database.open(messy_url, out=tmp_path / "out")
    assert db.schema.proposed_timestamps
    dataset = relbench.load_dataset(str(tmp_path / "out"))
    whole = dataset.get_db(upto_test_timestamp=False)
    assert {n: len(t.df) for n, t in whole.table_dict.items()} == {
        t.name: t.num_rows for t in db.schema.tables.values()
    }
    assert len(dataset.get_db().table_dict["sale"].df) < len(whole.table_dict["sale"].df)


def test_the_fingerprint_follows_the_content(server_url: str, tmp_path: Path) -> None:
    messy.load(server_url)
    first = Database.open(server_url, exclude=["late"], out=tmp_path / "first")
    with engine(server_url).begin() as connection:
        connection.execute(sa.text("UPDATE shop SET region = 'c' WHERE region = 'none'"))
    assert Database.open(server_url, exclude=["late"]).fingerprint == first.fingerprint
    with engine(server_url).begin() as connection:
        connection.execute(sa.text("UPDATE sale SET amount = 5 WHERE id = 6"))
    assert Database.open(server_url, exclude=["late"]).fingerprint != first.fingerprint


def test_tables_are_chosen_by_name(messy_url: str) -> None:
    chosen = reflect(messy_url, include=["sale", "Person"])
    assert list(chosen.tables) == ["Person", "sale"]
    assert [f.name for f in chosen.table("sale").fkeys] == ["buyer", "seller"]
    assert "late" not in reflect(messy_url, exclude=["late"]).tables
    for option in ("include", "exclude"):
        with pytest.raises(SchemaError, match=f"{option}: .*'Sold'.*sale line"):
            reflect(messy_url, **{option: ["Sold"]})


def test_nothing_chosen_is_an_error(messy_url: str) -> None:
    with pytest.raises(SchemaError, match="holds no tables"):
        reflect(messy_url, include=[])


@pytest.mark.parametrize("server_url", ["postgresql"], indirect=True)
def test_an_unknown_dialect_reads_the_same(
    server_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    messy.load(server_url)
    known = Database.open(server_url)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    monkeypatch.setattr(sql, "DIALECTS", {})
    meddler = Meddler(server_url)
    other = Database.open(server_url, progress=meddler, out=tmp_path / "out")
    assert other.fingerprint == known.fingerprint


def test_views_come_on_request(messy_url: str) -> None:
    assert "big" not in reflect(messy_url).tables
    db = Database.open(messy_url, views=["big"])
    assert sorted(db.frame("big")["amount"]) == [i + 0.125 for i in range(51, 60)]
    with pytest.raises(SchemaError, match=r"views: .*'small'.*it has: big"):
        reflect(messy_url, views=["small"])


class Meddler:
    """Writes to the source while it is being read."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[tuple[str, str, int | None]] = []

    def start(self, table: str, total: int | None) -> None:
        """Add a person once the first table is being read."""
        if not self.told:
            server = engine(self.url)
            meta = messy.metadata()
            with server.begin() as connection:
                connection.execute(sa.insert(meta.tables["Person"]), [{"id": 1, "name": "late"}])
        self.told.append(("start", table, total))

    def advance(self, table: str, rows: int) -> None:
        """Note it."""
        self.told.append(("advance", table, rows))

    def finish(self, table: str) -> None:
        """Note it."""
        self.told.append(("finish", table, None))


@pytest.mark.parametrize("server_url", ["postgresql", "mysql"], indirect=True)
def test_everything_is_read_in_one_snapshot(server_url: str) -> None:
    messy.load(server_url)
    meddler = Meddler(server_url)
    db = Database.open(server_url, exclude=["empty"], progress=meddler)
    assert 1 not in set(db.frame("Person")["id"])
    for name, table in db.schema.tables.items():
        told = [t for t in meddler.told if t[1] == name]
        assert told[0] == ("start", name, table.num_rows)
        assert sum(t[2] or 0 for t in told if t[0] == "advance") == table.num_rows
        assert told[-1] == ("finish", name, None)


def _plain(values: pd.Series) -> list[object]:
    """Return values comparable across servers: numbers as floats, instants as seconds."""
    found = []
    for value in values:
        if pd.isna(value):
            found.append(None)
        elif isinstance(value, pd.Timestamp | datetime.date):
            found.append(times.instant(value))
        elif isinstance(value, bool | int | float | np.number | np.bool_):
            found.append(float(value))
        else:
            try:
                found.append(float(value))
            except ValueError:
                found.append(value)
    return found
