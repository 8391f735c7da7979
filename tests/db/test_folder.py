"""Folders of files and dicts of frames become databases too."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hgl.db.database import Database
from hgl.errors import SchemaError, SourceError

PEOPLE = pd.DataFrame({"person_id": [1, 2], "name": ['Zoë, "Z"', None]})
VISITS = pd.DataFrame(
    {"visit_id": [5, 6, 7], "person_id": [2, 1, 2], "at": ["2020-02-01T10:00:00Z"] * 3}
)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".csv.gz"])
def test_files_become_tables_with_inferred_keys(ending: str, tmp_path: Path) -> None:
    for name, frame in {"people": PEOPLE, "visits": VISITS}.items():
        if ending == ".parquet":
            frame.to_parquet(tmp_path / f"{name}{ending}")
        else:
            separator = "\t" if ending == ".tsv" else ","
            frame.to_csv(tmp_path / f"{name}{ending}", index=False, sep=separator)
    (tmp_path / "README.md").write_text("not a table")
    db = Database.open(tmp_path)
    db.validate()
    assert db.schema.name == tmp_path.name
    assert db.schema.table("visits").pkey == ("visit_id",)
    assert [(f.columns, f.parent) for f in db.schema.table("visits").fkeys] == [
        (("person_id",), "people")
    ]
    people = db.frame("people")
    assert people["name"].isna().tolist() == (people["person_id"] == 2).tolist()
    assert people.loc[people["person_id"] == 1, "name"].item() == 'Zoë, "Z"'
    assert db.schema.table("visits").time_col == "at"


def test_a_subfolder_of_files_is_one_table(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for part in range(3):
        pd.DataFrame({"x": [part] * 2}).to_parquet(tmp_path / "t" / f"part-{part}.parquet")
    nothing = {"tables": {"t": {"pkey": [], "fkeys": {}, "time_col": None}}}
    assert Database.open(tmp_path, manifest=nothing).frame("t")["x"].tolist() == [0, 0, 1, 1, 2, 2]


def test_a_late_odd_value_makes_a_csv_column_text(tmp_path: Path) -> None:
    values = [str(i) for i in range(30_000)] + ["n/a?"]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{v},1" for v in values))
    db = Database.open(tmp_path)
    assert db.schema.table("t").column("x").type == "string"
    assert sorted(db.frame("t")["x"]) == sorted(values)


def test_a_manifest_in_the_folder_is_honoured_and_the_argument_wins(tmp_path: Path) -> None:
    VISITS.to_parquet(tmp_path / "visits.parquet")
    (tmp_path / "manifest.yaml").write_text("tables: {visits: {pkey: [], time_col: null}}")
    assert Database.open(tmp_path).schema.table("visits").pkey == ()
    stated = {"tables": {"visits": {"pkey": "visit_id"}}}
    assert Database.open(tmp_path, manifest=stated).schema.table("visits").pkey == ("visit_id",)


def test_tables_are_chosen_by_name(tmp_path: Path) -> None:
    for name in "abc":
        pd.DataFrame({"x": [1]}).to_parquet(tmp_path / f"{name}.parquet")
    assert list(Database.open(tmp_path, include=["a", "b"], exclude=["b"]).schema.tables) == ["a"]
    with pytest.raises(SchemaError, match=r"exclude: .* has no table 'd'; it has: a, b, c"):
        Database.open(tmp_path, exclude=["d"])
    with pytest.raises(SchemaError, match="holds no tables"):
        Database.open(tmp_path, include=[])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no table; expected files in .parquet"),
        ({"t.csv": "a\n1", "t.parquet": "x"}, "both Parquet and text files"),
        ({"t.parquet": "garbage"}, "'t'.*cannot be read"),
        ({"t.csv.gz": "garbage"}, "'t': t.csv.gz cannot be read: .*GZIP"),
    ],
)
def test_unreadable_folders_are_named(files: dict[str, str], said: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises((SourceError, SchemaError), match=said):
        Database.open(tmp_path)


def test_what_only_sql_has_is_refused_of_files(tmp_path: Path) -> None:
    PEOPLE.to_csv(tmp_path / "people.csv", index=False)
    for asked in ({"views": ["v"]}, {"sql_schema": "s"}):
        with pytest.raises(SchemaError, match="expected a source that is an SQL database"):
            Database.open(tmp_path, **asked)  # type: ignore[arg-type]


def test_two_tables_that_differ_only_in_case_are_refused() -> None:
    frames = {"User": PEOPLE, "user": PEOPLE}
    with pytest.raises(SchemaError, match="'User' and 'user' differ only in case"):
        Database.open(frames)


FRAME = {
    # column, what must be stored
    "mixed": ([1, "x", None], ["1", "x", None]),
    "dicts": ([{"a": 1}, None, [1]], ['{"a": 1}', None, "[1]"]),
    "category": (pd.Categorical(["a", None, "b"]), ["a", None, "b"]),
    "nullable": (pd.array([1, None, 2], "Int64"), [1, None, 2]),
    "boolean": (pd.array([True, None, False], "boolean"), [True, None, False]),
    "decimal": ([Decimal("1.25"), None, Decimal("2")], [1.25, None, 2.0]),
    "whole decimal": ([Decimal(1), None, Decimal(2)], [1, None, 2]),
    "dates": ([datetime.date(2020, 1, 1), None, None], [datetime.date(2020, 1, 1), None, None]),
    "times": ([datetime.time(1, 2), None, None], ["01:02:00", None, None]),
    "spans": (pd.to_timedelta(["1 day", None, "2 days"]), None),
    "zoned": (
        pd.to_datetime(["2020-01-01T05:30+05:30", None, None]),
        [datetime.datetime(2020, 1, 1), None, None],
    ),
    "nothing": ([None] * 3, [None] * 3),
    "null word": (["\\N", "", "NULL"], ["\\N", "", "NULL"]),
    "empty text": ([" ", "ü", "😀"], [" ", "ü", "😀"]),
    7: ([1.5, float("nan"), 2.5], None),
}


def test_frames_keep_their_values() -> None:
    frame = pd.DataFrame({name: values for name, (values, _) in FRAME.items()}, index=[5, 5, 1])
    frame["blob"] = [b"x", None, b"\xff"]
    nothing = {"tables": {"t": {"pkey": [], "fkeys": {}, "time_col": None}}}
    before = frame.copy(deep=True)
    db = Database.open({"t": frame}, manifest=nothing)
    pd.testing.assert_frame_equal(frame, before)
    stored = pq.read_table(db.path("t"))
    for name, (_, expected) in FRAME.items():
        if expected is not None:
            assert stored[str(name)].to_pylist() == expected, name
    assert "blob" not in stored.column_names
    assert db.schema.defects == {"t.blob: blob left out": 3}


@pytest.mark.parametrize("wrong", [[1, 2], {"a": 1}, None, "text"])
def test_what_is_no_frame_is_refused(wrong: Any) -> None:
    with pytest.raises(SourceError, match=r"table 't' is a .*, expected a DataFrame"):
        Database.open({"t": wrong})


def test_columns_equal_but_for_case_stay_apart() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["id", "ID", "Id"])
    stored = Database.open({"t": frame}).frame("t")
    assert stored.iloc[0].tolist()[:3] == [1, 2, 3]
    assert list(stored)[:3] == ["id", "ID_", "Id__"]


def test_parquet_types_of_other_writers(tmp_path: Path) -> None:
    table = pa.table(
        {
            "list": pa.array([[1, 2], None]),
            "struct": pa.array([{"a": 1}, None]),
            "decimal": pa.array([Decimal("1.5"), None], pa.decimal128(38, 10)),
            "dictionary": pa.array(["a", None]).dictionary_encode(),
            "nanoseconds": pa.array([1, None], pa.timestamp("ns")),
            "zoned": pa.array([0, None], pa.timestamp("ms", "US/Pacific")),
            "blob": pa.array([b"x", None]),
            "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    nothing = {"tables": {"t": {"pkey": [], "fkeys": {}, "time_col": None}}}
    db = Database.open(tmp_path, manifest=nothing)
    first = pq.read_table(db.path("t")).slice(0, 1).to_pylist()[0]
    assert first["list"] == "[1, 2]"
    assert first["decimal"] == 1.5
    assert first["dictionary"] == "a"
    assert first["zoned"] == datetime.datetime(1970, 1, 1)
    assert first["unsigned"] == 2**64 - 1
    assert "blob" not in first
