"""A manifest states what the data does not say; what it gets wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hgl.db.database import Database
from hgl.errors import SchemaError, SourceError

FRAMES = {
    "person": pd.DataFrame({"id": [1, 2], "code": ["a", "b"]}),
    "visit": pd.DataFrame({"who": [2, 1], "code": ["b", "a"], "day": ["2020-01-01", "2020-01-02"]}),
}


def opened(tables: dict[str, Any]) -> Database:
    """Open the frames with a manifest."""
    return Database.open(FRAMES, manifest={"tables": tables})


def test_keys_are_stated_in_long_and_in_short() -> None:
    person = {"pkey": ["id"]}
    long = {"columns": ["who"], "parent": "person", "parent_columns": ["id"]}
    for fkeys in ({"who": long}, {"who": {"parent": "person"}}, {"who": "person"}):
        db = opened({"person": person, "visit": {"fkeys": fkeys}})
        (fkey,) = db.schema.table("visit").fkeys
        assert (fkey.name, fkey.columns, fkey.parent_columns) == ("who", ("who",), ("id",))
        assert db.frame("visit")["who_row"].tolist() in ([1, 0], [0, 1])


def test_a_foreign_key_may_name_any_unique_columns() -> None:
    fkey = {"columns": "code", "parent": "person", "parent_columns": "code"}
    db = opened({"person": {"pkey": "id"}, "visit": {"fkeys": {"by_code": fkey}, "pkey": "code"}})
    assert db.schema.table("visit").fkeys[0].row_col == "by_code_row"
    assert db.frame("visit").set_index("code")["by_code_row"].to_dict() == {"a": 0, "b": 1}


def test_a_yaml_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("tables:\n  visit:\n    time_col: null\n    columns: {code: text}\n")
    for manifest in (file, str(file)):
        visit = Database.open(FRAMES, manifest=manifest).schema.table("visit")
        assert visit.time_col is None
        assert (visit.column("code").stype, visit.column("code").reason) == (
            "text",
            "stated in the manifest",
        )


def test_the_written_manifest_is_taken_back(tmp_path: Path) -> None:
    stated = {"person": {"pkey": "id"}, "visit": {"fkeys": {"who": "person"}, "time_col": "day"}}
    first = opened(stated)
    again = Database.open(first.folder / "db", manifest=first.folder / "manifest.yaml")
    assert again.schema.table("visit").time_col == "day"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"persons": {}}, "'persons' is unknown; expected one of person, visit"),
        ({"person": {"key": "id"}}, "'key' is unknown; expected one of pkey, fkeys, time_col"),
        ({"person": {"pkey": "ID"}}, "person.pkey: 'ID' is unknown; expected one of id, code"),
        ({"visit": {"time_col": "at"}}, "column 'at' is not in table 'visit'; it has: who, code"),
        ({"visit": {"null_times": "maybe"}}, "'maybe' is unknown; expected one of hidden, visible"),
        ({"visit": {"columns": {"x": "text"}}}, "column 'x' is not in table 'visit'"),
        ({"visit": {"columns": {"who": "int"}}}, "'int' is unknown; expected one of numerical"),
        ({"visit": {"fkeys": {"who": "men"}}}, "visit.who: parent: 'men' is unknown"),
        ({"visit": {"fkeys": {"who": "person"}}, "person": {"pkey": []}}, r"do not pair with"),
        ({"visit": {"fkeys": {"x": "person"}}}, "'x' is unknown; expected one of who, code, day"),
        ({"visit": {"fkeys": {"who": 5}}}, "is 5; expected columns and parent"),
        ({"visit": {"fkeys": {"who": {"parent": "person", "to": 1}}}}, "'to' is unknown"),
        ({"visit": ["day"]}, "expected a mapping"),
        ({"visit": {"pkey": 5}}, "visit.pkey is 5; expected columns"),
        ({"visit": {"fkeys": ["who"]}}, r"visit.fkeys is \['who'\]; expected a mapping"),
        ({"visit": {"columns": ["who"]}}, r"visit.columns is \['who'\]; expected a mapping"),
        ({"visit": {"time_col": "code"}}, "visit.code holds no time, for example 'a'"),
    ],
)
def test_mistakes_are_named(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        opened(tables)


@pytest.mark.parametrize("content", ["tables: [", "- a", "tables: 5", "name: a task"])
def test_a_file_that_is_no_manifest(content: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(content)
    with pytest.raises((SchemaError, SourceError), match="manifest"):
        Database.open(FRAMES, manifest=tmp_path / "m.yaml")
    with pytest.raises(SourceError, match=r"absent\.yaml' cannot be read"):
        Database.open(FRAMES, manifest=tmp_path / "absent.yaml")
