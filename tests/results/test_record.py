"""A record comes back from its file as it was."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from hgl.errors import CacheError
from hgl.results.record import Record
from hgl.results.store import RECORDS, read_records
from tests.results.made import RECORD, record


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The file of the record above, in a store."""
    folder = tmp_path / RECORDS
    folder.mkdir()
    RECORD.write(folder)
    return folder / f"{RECORD.id}.json"


def changed(place: Path, **values: object) -> Path:
    place.write_text(json.dumps(json.loads(place.read_text()) | values))
    return place


def test_a_record_survives_its_file(place: Path) -> None:
    found = Record.read(place)
    assert found == RECORD
    assert (found.file, found.folder) == (place, place.parents[1] / RECORD.run)
    assert [p.name for p in place.parent.iterdir()] == [place.name]


def test_where_it_lies_is_not_kept(place: Path) -> None:
    Record.read(place).write(place.parent)
    assert {"file", "folder"}.isdisjoint(json.loads(place.read_text()))
    with pytest.raises(CacheError, match="folder"):
        Record.read(changed(place, folder="/etc"))


def test_what_is_undefined_is_null_in_the_file_and_nan_as_a_value(place: Path) -> None:
    record(math.nan, seconds=math.nan).write(place.parent)
    stored = json.loads(place.read_text())
    assert stored["metrics"]["test"]["roc_auc"] is None
    assert stored["seconds"] is None
    found = Record.read(place)
    assert math.isnan(found.score("test"))
    assert math.isnan(found.seconds)
    assert math.isnan(found.score("train"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": 1, "metrics": {}}'])
def test_a_damaged_record_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CacheError, match=r"record a\.json: expected what hgl bench left"):
        Record.read(tmp_path / "a.json")


@pytest.mark.parametrize("key", ["id", "model", "policy", "higher_is_better", "seed"])
def test_a_record_must_say_what_it_is(place: Path, key: str) -> None:
    stored = json.loads(place.read_text())
    del stored[key]
    place.write_text(json.dumps(stored))
    with pytest.raises(CacheError, match=key):
        Record.read(place)


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": None},
        {"seed": "0"},
        {"seed": True},
        {"dirty": 1},
        {"words": "model=sage"},
        {"metrics": {"test": {"roc_auc": "high"}}},
        {"interval": {"test": [0.6]}},
        {"predictions": {"test": []}},
        {"tuning": 3},
        {"new": 1},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_named(place: Path, wrong: dict[str, object]) -> None:
    (key,) = wrong
    with pytest.raises(CacheError, match=key):
        Record.read(changed(place, **wrong))


@pytest.mark.parametrize("run", ["..", "../../etc", "/etc"])
def test_a_run_outside_the_store_is_refused(place: Path, run: str) -> None:
    with pytest.raises(CacheError, match="a folder in the store"):
        Record.read(changed(place, run=run))


def test_the_records_of_a_store_come_by_name_and_beside_them_what_is_wrong(place: Path) -> None:
    other = dataclasses.replace(RECORD, id="f" * 12)
    other.write(place.parent)
    (place.parent / "a.json").write_text("{")
    records, (error,) = read_records(place.parents[1])
    assert records == [RECORD, other]
    assert "a.json" in str(error)
