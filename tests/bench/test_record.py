"""A record comes back from its file as it was."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from hgl.bench.record import Record
from hgl.errors import CacheError
from tests.bench.made import RECORD, record


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    assert Record.read(tmp_path / f"{RECORD.id}.json") == RECORD
    assert [p.name for p in tmp_path.iterdir()] == [f"{RECORD.id}.json"]


def test_what_is_undefined_is_null_in_the_file_and_none_as_a_value(tmp_path: Path) -> None:
    record(math.nan).write(tmp_path)
    path = tmp_path / f"{RECORD.id}.json"
    assert json.loads(path.read_text())["metrics"]["test"]["roc_auc"] is None
    assert Record.read(path).value("test") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": 1, "metrics": {}}'])
def test_a_damaged_record_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CacheError, match=r"record .*a\.json"):
        Record.read(tmp_path / "a.json")
