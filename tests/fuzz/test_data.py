"""Rows of any kind: kept as they were, in order of time, with the parents that a loop finds."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.db import times
from hgl.db.database import Database
from hgl.db.frames import _array
from hgl.typing import UNKNOWN_TIME
from tests.fuzz.cases import fuzz, outcome
from tests.fuzz.hostile import damaged, plain, scalars
from tests.fuzz.hostile import names as hostile

TABLES = 10
"""Of one database: each is a case."""
_EPOCH = datetime.datetime(1970, 1, 1)
INSTANTS = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Rows with a key, a time, a parent, a text and anything."""
    n = draw(st.integers(0, 5))
    several = {"min_size": n, "max_size": n}
    instants = draw(st.lists(st.none() | INSTANTS, **several))
    parents = draw(st.lists(st.none() | st.integers(0, 6), **several))
    return pd.DataFrame(
        {
            "id": pd.Series(draw(st.permutations(range(n))), dtype="int64"),
            "at": pd.Series(instants, dtype="datetime64[us]"),
            "parent": pd.Series(parents, dtype="Int64"),
            "text": pd.Series(draw(st.lists(st.none() | st.text(plain), **several)), dtype=object),
            "any": pd.Series(draw(st.lists(scalars, **several)), dtype=object),
        }
    )


def _checked(db: Database, tables: dict[str, pd.DataFrame], first: str) -> None:
    for name, before in tables.items():
        after, schema = db.frame(name), db.schema.table(name)
        assert sorted(after["id"]) == sorted(before["id"])
        stamps = after["at"].dropna()
        assert stamps.is_monotonic_increasing
        assert after["at"].iloc[len(stamps) :].isna().all()
        rows = {key: row for row, key in enumerate(db.frame(first)["id"])}
        known = before.set_index("id")
        (fkey,) = schema.fkeys
        for _, row in after.iterrows():
            was = known.loc[row["id"]]
            assert _value(row["text"]) == _value(was["text"])
            parent = None if pd.isna(was["parent"]) else rows.get(int(was["parent"]))
            assert _value(row[fkey.row_col]) == parent


def _value(value: Any) -> Any:
    return None if pd.isna(value) else value


@fuzz(0.02)
@given(made=st.lists(frames(), min_size=TABLES, max_size=TABLES), titles=st.lists(hostile))
def test_a_database_keeps_its_rows(
    made: list[pd.DataFrame], titles: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    named = list(dict.fromkeys([*titles, *(f"table {i}" for i in range(TABLES))]))[:TABLES]
    tables = dict(zip(named, made, strict=True))
    keys = {"pkey": "id", "time_col": "at", "fkeys": {"parent": named[0]}}
    manifest = {"tables": dict.fromkeys(named, keys)}
    out = tmp_path_factory.mktemp("data") / "db"

    def arranged() -> Database:
        return Database.open(tables, name="hostile", manifest=manifest, out=out)

    db = outcome(arranged, cases=TABLES)
    if isinstance(db, Database):
        db.validate()
        _checked(db, tables, named[0])
    shutil.rmtree(out.parent)


@fuzz(0.77)
@given(instants=st.lists(st.none() | INSTANTS, max_size=5), up=st.booleans())
def test_instants_are_whole_seconds(instants: list[datetime.datetime | None], up: bool) -> None:
    series = pd.Series(instants, dtype="datetime64[us]")
    found = outcome(lambda: times.seconds(series, rounding="up" if up else "down"))
    second = datetime.timedelta(seconds=1)
    expected = [
        UNKNOWN_TIME
        if instant is None
        else (-((_EPOCH - instant) // second) if up else (instant - _EPOCH) // second)
        for instant in instants
    ]
    assert list(found) == expected


@fuzz(0.2)
@given(values=st.lists(scalars, max_size=5))
def test_any_cells_are_a_column(values: list[Any]) -> None:
    series = pd.Series(values, dtype=object)
    column = outcome(lambda: _array(series))
    assert len(column) == len(values)
    nulls = [bool(pd.api.types.is_scalar(v) and pd.isna(v)) for v in values]
    assert column.is_null(nan_is_null=True).to_pylist() == nulls
    outcome(lambda: times.seconds(series, rounding="up"))


CSV = b'id,at,user,note\n1,2020-01-01,7,"a,b"\n2,2020-01-02,7,\n3,,8,"x""y"\n'


@fuzz(0.03)
@given(content=damaged(CSV))
def test_a_damaged_csv_is_a_table_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("csv")
    (folder / "orders.csv").write_bytes(content)
    db = outcome(lambda: Database.open(folder, out=folder / "out"))
    if isinstance(db, Database):
        db.validate()
    shutil.rmtree(folder)
