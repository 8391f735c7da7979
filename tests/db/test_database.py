"""What an opened database answers, against pandas and against RelBench itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import relbench

from hgl.db import times
from hgl.db.database import Database
from hgl.db.files import table_file
from hgl.errors import CacheError, ConfigError, SchemaError, SourceError
from hgl.typing import STATIC_TIME, UNKNOWN_TIME

DAYS = pd.to_datetime(["2020-01-03", "2020-01-01T00:00:00.5", None, "2020-01-02"], format="ISO8601")
FRAMES = {
    "person": pd.DataFrame({"id": [3, 1, 2, 9], "at": DAYS}),
    "visit": pd.DataFrame({"person": [1, 2, 9, 3, 7], "no": [1, 1, 1, 1, 2], "x": list("abcde")}),
}
MANIFEST: dict[str, Any] = {
    "tables": {
        "person": {"pkey": "id", "time_col": "at", "fkeys": {}},
        "visit": {"pkey": ["person", "no"], "time_col": None, "fkeys": {"person": "person"}},
    }
}


@pytest.fixture
def db() -> Database:
    """Four people, one of unknown time, and their visits."""
    return Database.open(FRAMES, manifest=MANIFEST)


@pytest.fixture
def visible() -> Database:
    """The same with unknown times visible."""
    tables = MANIFEST["tables"]
    person = {**tables["person"], "null_times": "visible"}
    return Database.open(FRAMES, manifest={"tables": {**tables, "person": person}})


def test_frames_views_and_times_agree(db: Database) -> None:
    assert db.frame("person")["id"].tolist() == [1, 9, 3, 2]
    assert list(db.frame("person", ["at", "id"])) == ["at", "id"]
    with db.connect() as connection:
        assert connection.execute('SELECT id FROM "person"').df()["id"].tolist() == [1, 9, 3, 2]
        settings = "SELECT current_setting('TimeZone'), current_setting('enable_progress_bar')"
        assert connection.execute(settings).fetchall() == [("UTC", False)]
    assert db.times("person").tolist() == [
        times.instant("2020-01-01T00:00:01"),
        times.instant("2020-01-02"),
        times.instant("2020-01-03"),
        UNKNOWN_TIME,
    ]
    assert db.times("visit") is None
    for ask in (db.frame, db.path, db.times):
        with pytest.raises(SchemaError, match="tables are: person, visit"):
            ask("nobody")
    with pytest.raises(SchemaError, match="column 'age' is not in table 'person'"):
        db.frame("person", ["age"])


@pytest.mark.parametrize(
    ("until", "people", "visitors"),
    [
        ("2019-12-31", [], [None] * 5),
        ("2020-01-01", [], [None] * 5),
        ("2020-01-01T00:00:01", [1], [0, None, None, None, None]),
        ("2020-01-02T12:00", [1, 9], [0, None, None, None, 1]),
        ("2021-01-01", [1, 9, 3], [0, None, 2, None, 1]),
    ],
)
def test_upto_shows_what_was_known(
    db: Database, until: str, people: list[int], visitors: list[int | None]
) -> None:
    cut = db.upto(until)
    assert cut.frame("person")["id"].tolist() == people
    assert len(cut.times("person")) == len(people)
    found = cut.frame("visit")
    assert found["x"].tolist() == ["a", "b", "d", "e", "c"]
    assert [None if pd.isna(p) else int(p) for p in found["person_row"]] == visitors
    assert cut.upto("2030-01-01").frame("person")["id"].tolist() == people
    assert db.row_positions("person", people).tolist() == list(range(len(people)))
    assert cut.row_positions("person", [3]).tolist() == [2 if 3 in people else -1]


def test_a_span_is_from_the_first_known_time_to_the_last(db: Database, visible: Database) -> None:
    known = db.times("person")
    assert db.span("person") == visible.span("person") == (known[0], known[2])
    assert db.span("visit") is None
    assert db.upto("2020-01-02").span("person") == (known[0], known[1])
    assert db.upto("2019-12-31").span("person") is None
    assert visible.upto("2019-12-31").span("person") is None


def test_times_may_lie_where_the_caller_says(db: Database) -> None:
    place = np.zeros(4, np.int64)
    assert db.times("person", lambda length, kind: place[:length]) is not None
    np.testing.assert_array_equal(place, db.times("person"))


def test_upto_keeps_rows_whose_unknown_time_is_visible(visible: Database) -> None:
    assert visible.times("person").tolist()[-1] == STATIC_TIME
    cut = visible.upto("2020-01-02")
    assert cut.frame("person")["id"].tolist() == [1, 9, 2]
    assert len(cut.times("person")) == 3
    people = [None if pd.isna(p) else int(p) for p in cut.frame("visit")["person_row"]]
    assert people == [0, 3, None, None, 1]


def test_row_positions_of_keys(db: Database) -> None:
    assert db.row_positions("person", [9, 4, 1, 9]).tolist() == [1, -1, 0, 1]
    assert db.row_positions("person", ["9", "x", None]).tolist() == [1, -1, -1]
    assert db.row_positions("person", []).tolist() == []
    pairs = pd.DataFrame({"no": [1, 2, 2], "person": [9, 7, 9], "other": 0})
    assert db.row_positions("visit", pairs).tolist() == [4, 3, -1]
    with pytest.raises(SchemaError, match=r"keys of 'visit' lack \['no'\]"):
        db.row_positions("visit", [1])


def test_a_column_named_like_our_own_is_no_trouble() -> None:
    frame = pd.DataFrame({"id": [3, 4], "hgl:row": [7, 8]})
    db = Database.open({"t": frame}, manifest={"tables": {"t": {"pkey": "id"}}})
    assert db.row_positions("t", [4, 3]).tolist() == [1, 0]


def test_a_table_without_a_key_has_no_positions() -> None:
    nothing = {"tables": {"t": {"pkey": [], "fkeys": {}, "time_col": None}}}
    db = Database.open({"t": pd.DataFrame({"x": [1]})}, manifest=nothing)
    with pytest.raises(SchemaError, match="table 't' has no primary key; state `pkey`"):
        db.row_positions("t", [1])


def test_timestamps_and_types_may_change_when_opened_again(db: Database) -> None:
    types = {"tables": {"visit": {"columns": {"x": "text"}}}}
    again = Database.open(db.folder, manifest=types, val_timestamp="2020-01-01T12:00", name="two")
    assert again.schema.table("visit").column("x").stype == "text"
    assert (again.schema.val_timestamp, again.schema.name) == ("2020-01-01T12:00:00", "two")
    assert again.schema.proposed_timestamps
    assert Database.open(db.folder).schema == db.schema
    with pytest.raises(SchemaError, match=r"person\.fkeys cannot change in an arranged folder"):
        Database.open(db.folder, manifest=MANIFEST)
    with pytest.raises(SchemaError, match="include and exclude apply while ingesting"):
        Database.open(db.folder, include=["person"])
    with pytest.raises(ConfigError, match="'tomorrow' is not an instant"):
        Database.open(db.folder, val_timestamp="tomorrow")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda frame: frame.iloc[::-1], "row positions are not 0..n-1"),
        (lambda frame: frame.iloc[:2], "number of rows other than"),
        (lambda frame: frame.assign(at=DAYS[[0, 3, 1, 2]]), "not in order of time"),
        (lambda frame: frame.drop(columns="_row"), "_row"),
    ],
)
def test_validate_finds_damage(damage: Any, said: str, tmp_path: Path) -> None:
    db = Database.open(FRAMES, manifest=MANIFEST, out=tmp_path / "out")
    db.validate()
    damage(db.frame("person")).to_parquet(db.path("person"))
    with pytest.raises(CacheError, match=f"table 'person': .*{said}"):
        db.validate()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("db/person.parquet", None, r"person\.parquet: expected the table as it was ingested"),
        ("db/person.parquet", b"half", r"person\.parquet: expected the table as it was ingested"),
        ("manifest.yaml", b"hgl: {}", "damaged"),
    ],
)
def test_a_damaged_folder_does_not_open(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    out = Database.open(FRAMES, manifest=MANIFEST, out=tmp_path / "out").folder
    (out / name).unlink() if content is None else (out / name).write_bytes(content)
    with pytest.raises(CacheError, match=said):
        Database.open(out)


def test_an_arranged_folder_is_not_arranged_again(tmp_path: Path) -> None:
    out = Database.open(FRAMES, manifest=MANIFEST, out=tmp_path / "out").folder
    with pytest.raises(SourceError, match="is arranged already; copy or move the folder"):
        Database.open(out, out=tmp_path / "other")


@pytest.mark.parametrize("name", ["val_timestamp", "test_timestamp"])
def test_a_timestamp_that_is_none_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: time 'soon' is not an instant"):
        Database.open(FRAMES, **{name: "soon"})  # type: ignore[arg-type]


def test_validate_finds_keys_that_leave_their_parent(tmp_path: Path) -> None:
    db = Database.open(FRAMES, manifest=MANIFEST, out=tmp_path / "out")
    db.frame("visit").assign(person_row=4).to_parquet(db.path("visit"))
    with pytest.raises(CacheError, match="table 'visit': person leaves its parent"):
        db.validate()
    db.path("visit").write_text("garbage")
    with pytest.raises(CacheError, match="table 'visit'"):
        db.validate()
    db.path("visit").unlink()
    with pytest.raises(CacheError, match="table 'visit'"):
        db.validate()


def test_a_damaged_cache_entry_is_built_again(caplog: pytest.LogCaptureFixture) -> None:
    first = Database.open(FRAMES, manifest=MANIFEST)
    first.path("visit").write_bytes(b"garbage")
    again = Database.open(FRAMES, manifest=MANIFEST)
    again.validate()
    assert again.folder == first.folder
    assert "damaged" in caplog.text


UNSAFE = ["a/b", "..", "../up", ".hidden", "a\\b", "tab\t", "x" * 300, "%2F"]
SAFE = ["t", "Order Details", "select", "日本", 'quo"te', "50%", "it's", "a*b", "[a]?"]


@pytest.mark.parametrize("name", UNSAFE)
def test_awkward_table_names_stay_inside_the_folder(name: str, tmp_path: Path) -> None:
    frames = {name: pd.DataFrame({"x": [1]}), "plain": pd.DataFrame({"x": [2]})}
    db = Database.open(frames, out=tmp_path / "out")
    assert db.path(name).parent == tmp_path / "out" / "db"
    assert db.frame(name)["x"].tolist() == [1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("name", SAFE)
def test_other_names_are_read_by_relbench(name: str, tmp_path: Path) -> None:
    frames = {name: pd.DataFrame({"id": [2, 1], "at": DAYS[:2]})}
    db = Database.open(frames, out=tmp_path / "out")
    assert table_file(Path(), name) == Path(f"{name}.parquet")
    found = relbench.load_dataset(str(tmp_path / "out")).get_db(upto_test_timestamp=False)
    assert found.table_dict[name].df["id"].tolist() == db.frame(name)["id"].tolist()


def test_a_database_without_time_is_read_by_relbench(tmp_path: Path) -> None:
    stated = {"tables": {"t": {"time_col": None}}}
    db = Database.open({"t": pd.DataFrame({"x": [1]})}, manifest=stated, out=tmp_path / "out")
    assert db.schema.val_timestamp is None
    assert len(relbench.load_dataset(str(tmp_path / "out")).get_db().table_dict["t"].df) == 1


def test_upto_agrees_with_relbench(shared_data: Path) -> None:
    db = Database.open(shared_data / "rel-f1")
    assert db.folder == shared_data / "rel-f1"
    db.validate()
    cut = db.upto(db.schema.test_timestamp)
    expected = relbench.load_dataset(str(shared_data / "rel-f1")).get_db()
    for name, table in expected.table_dict.items():
        found = cut.frame(name)
        assert len(found) == len(table.df)
        for column in found:
            ours, theirs = found[column], table.df[column]
            np.testing.assert_array_equal(ours.isna(), theirs.isna())
            assert ours.dropna().astype(object).tolist() == theirs.dropna().astype(object).tolist()
