"""A cache that somebody deletes, or cuts short, while a process uses it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hgl.db.cache import entry
from hgl.db.database import Database
from hgl.errors import CacheError
from hgl.graph.build import build_store
from hgl.graph.relations import RelationStore


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("HGL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of parents and their children."""
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as file, file:
        file.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY, at TIMESTAMP)")
        file.execute("CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent)")
        days = [(i, f"2024-01-{i % 28 + 1:02}") for i in range(500)]
        file.executemany("INSERT INTO parent VALUES (?, ?)", days)
        file.executemany("INSERT INTO child VALUES (?, ?)", [(i, i // 9) for i in range(4000)])
    return f"sqlite:///{tmp_path / 'a.sqlite'}"


def edges(store: RelationStore) -> list[np.ndarray]:
    return [relation.row.numpy().copy() for relation in store.relations.values()]


@pytest.mark.parametrize("damage", ["deleted", "truncated"])
def test_tables_that_are_lost_are_named_and_read_again(damage: str, url: str, cache: Path) -> None:
    db = Database.open(url)
    expected = db.frame("child")
    file = db.path("child")
    if damage == "deleted":
        shutil.rmtree(cache)
    else:
        os.truncate(file, file.stat().st_size // 2)
    for use in (
        lambda: db.frame("child"),
        db.connect,
        lambda: list(db.column("child", "id")),
        lambda: db.upto("2024-01-09").frame("child"),
        lambda: build_store(db),
    ):
        with pytest.raises(CacheError, match=r"child\.parquet: gone or damaged since the database"):
            use()
    again = Database.open(url)
    assert again.fingerprint == db.fingerprint
    assert again.frame("child").equals(expected)


def test_arrays_in_use_outlive_the_cache(url: str, cache: Path) -> None:
    db = Database.open(url)
    store = build_store(db)
    expected = edges(store)
    shutil.rmtree(cache)
    assert all(map(np.array_equal, edges(store), expected))
    assert all(map(np.array_equal, edges(build_store(Database.open(url))), expected))


def test_arrays_cut_short_are_built_again(
    url: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db = Database.open(url)
    expected = edges(build_store(db))
    for file in cache.glob("relations/*/*.npy"):
        os.truncate(file, file.stat().st_size - 1)
    assert all(map(np.array_equal, edges(build_store(db)), expected))
    assert "is damaged; building it again" in caplog.text


def test_a_cache_removed_under_a_builder_is_said_to_be(cache: Path) -> None:
    def build(folder: Path) -> None:
        shutil.rmtree(cache)
        (folder / "a").write_text("half")

    with pytest.raises(CacheError, match="was removed while kind was written: run again"):
        entry("kind", "key", build)
