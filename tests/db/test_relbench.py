"""RelBench's folders, v3 and v2, are read in place, or arranged where they break its rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hgl.commands.source import task_name
from hgl.db.database import Database
from hgl.errors import MissingExtra, SchemaError, SourceError, TaskError
from hgl.tasks.task import Task

DAYS = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])
KEYS: dict[str, dict[str, Any]] = {
    "a": {"pkey": "id", "time_col": "at", "fkeys": {}},
    "b": {"pkey": None, "time_col": None, "fkeys": {"a": "a"}},
}


def write(folder: Path, ids: list[int], stamps: pd.DatetimeIndex = DAYS, version: int = 3) -> Path:
    """Write a RelBench folder of either version."""
    frames = {
        "a": pd.DataFrame({"id": ids, "at": stamps, "x": [1.5, 2.5, 3.5]}),
        "b": pd.DataFrame({"a": [ids[2], ids[0]]}),
    }
    (folder / "db").mkdir(parents=True)
    for name, frame in frames.items():
        table = pa.Table.from_pandas(frame)
        keys = KEYS[name]
        if version == 2:
            stated = {
                "pkey_col": keys["pkey"],
                "time_col": keys["time_col"],
                "fkey_col_to_pkey_table": keys["fkeys"],
            }
            encoded = {k: json.dumps(v) for k, v in stated.items()}
            table = table.replace_schema_metadata({**(table.schema.metadata or {}), **encoded})
        pq.write_table(table, folder / "db" / f"{name}.parquet")
    if version == 3:
        manifest = {"name": "tiny", "val_timestamp": "2020-01-02", "test_timestamp": "2020-01-03"}
        (folder / "manifest.yaml").write_text(yaml.safe_dump({**manifest, "tables": KEYS}))
    return folder


@pytest.mark.parametrize("version", [2, 3])
def test_a_sound_folder_is_read_in_place(version: int, tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2], version=version)
    db = Database.open(folder)
    db.validate()
    assert db.folder == folder
    assert db.schema.name == "tiny"
    a, b = db.schema.table("a"), db.schema.table("b")
    assert (a.pkey, a.row_col, a.time_col) == (("id",), "id", "at")
    assert [(f.name, f.row_col, f.parent) for f in b.fkeys] == [("a", "a", "a")]
    assert db.row_positions("a", [2, 5]).tolist() == [2, -1]
    assert db.schema.proposed_timestamps == (version == 2)
    assert db.fingerprint == Database.open(folder).fingerprint != ""
    assert {f.name for f in folder.rglob("*")} <= {"db", "a.parquet", "b.parquet", "manifest.yaml"}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("ids", "stamps"),
    [([7, 5, 6], DAYS), ([0, 1, 2], DAYS[::-1]), ([0, 1, 2], DAYS.where([False, True, True]))],
)
def test_a_folder_that_breaks_the_key_contract_is_arranged(
    version: int, ids: list[int], stamps: pd.DatetimeIndex, tmp_path: Path
) -> None:
    folder = write(tmp_path / "tiny", ids, stamps, version)
    db = Database.open(folder)
    db.validate()
    assert db.folder != folder
    assert (db.schema.table("a").pkey, db.schema.table("a").row_col) == (("id",), "_row")
    people = db.frame("a")["id"].tolist()
    assert [people[int(row)] for row in db.frame("b")["a_row"]] == [ids[2], ids[0]]
    if version == 3:
        assert (db.schema.val_timestamp, db.schema.name) == ("2020-01-02", "tiny")


def test_a_copy_is_written_where_out_says(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2])
    db = Database.open(folder, out=tmp_path / "out")
    assert db.folder == tmp_path / "out"
    assert (db.schema.name, db.schema.test_timestamp) == ("tiny", "2020-01-03")


def test_changed_content_is_looked_at_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2])
    before = Database.open(folder).fingerprint
    frame = pd.DataFrame({"a": [0, 0, 0]})
    frame.to_parquet(folder / "db" / "b.parquet")
    again = Database.open(folder)
    assert again.schema.table("b").num_rows == 3
    assert again.fingerprint != before


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2])
    (folder / "db" / "b.parquet").unlink()
    with pytest.raises(SourceError, match=r"table 'b' has no file .*b\.parquet"):
        Database.open(folder)


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2])
    (folder / "manifest.yaml").write_text("tables: [")
    with pytest.raises(SourceError, match=r"manifest\.yaml' cannot be read"):
        Database.open(folder)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (None, "`tables` is None; expected a mapping"),
        ({"a": None}, "table 'a' is None; expected pkey"),
        ({"a": {"fkeys": ["x"]}}, "table 'a' is .*; expected pkey"),
        ({"a": {"pkey": "no"}}, "column 'no' is not in table 'a'"),
        ({"a": {"time_col": "no"}}, "column 'no' is not in table 'a'"),
        ({"a": {"time_col": "x"}}, "time column a.x is double; expected dates or timestamps"),
        ({"b": {"fkeys": {"a": "c"}}}, "b.a refers to 'c', which is no table"),
        ({"a": {}, "b": {"fkeys": {"a": "a"}}}, "b.a: 'a' has no pkey"),
    ],
)
def test_a_manifest_that_contradicts_the_tables_is_named(
    tables: Any, said: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2])
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"tables": tables}))
    with pytest.raises(SchemaError, match=said):
        Database.open(folder)


def test_hosted_datasets_need_the_extra_and_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceError, match="'rel-nowhere'"):
        Database.open("relbench:rel-nowhere")
    monkeypatch.setitem(__import__("sys").modules, "relbench", None)
    with pytest.raises(MissingExtra, match=r"pip install 'hgl-rdl\[bench\]'"):
        Database.open("relbench:rel-f1")


@pytest.mark.parametrize("version", [2, "1.1", 0])
def test_a_manifest_newer_than_we_know_is_one_error(version: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", [0, 1, 2])
    stated = yaml.safe_load((folder / "manifest.yaml").read_text())
    newer = yaml.safe_dump({**stated, "manifest_version": version, "tables": {"new": "shape"}})
    (folder / "manifest.yaml").write_text(newer)
    with pytest.raises(SchemaError, match=rf"manifest_version is '?{version}'?; expected 1, the"):
        Database.open(folder)


def hub_cache(home: Path) -> Path:
    """What the hub's client keeps of a hosted dataset that was fetched before."""
    repository = home / "hub" / "datasets--stanford-star--relbench-v1"
    write(repository / "snapshots" / "abc" / "rel-tiny", [0, 1, 2])
    task = repository / "snapshots" / "abc" / "rel-tiny" / "tasks" / "guess"
    task.mkdir(parents=True)
    (task / "manifest.yaml").write_text("name: guess")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    return home


def test_a_hosted_dataset_is_opened_by_name(tmp_path: Path) -> None:
    """By RelBench's own loader, from the hub's cache: there is no network here."""
    pytest.importorskip("relbench")
    said = (
        "from hgl.db.database import Database; from hgl.commands.source import task_name;"
        "db = Database.open('relbench:rel-tiny'); print(db.schema.name, db.folder.name);"
        "print(task_name('relbench:rel-tiny', 'guess')); print(task_name('relbench:rel-tiny', 'x'))"
    )
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path),
        "HF_HUB_CACHE": str(hub_cache(tmp_path) / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", said], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    opened, found, absent = done.stdout.splitlines()
    assert opened == "tiny rel-tiny"
    assert found.endswith("rel-tiny/tasks/guess")
    assert absent == "x"


@pytest.mark.parametrize("version", [2, 3])
def test_a_task_is_found_by_name_in_its_dataset(version: int, tmp_path: Path) -> None:
    """Also in a RelBench 2 cache, whose task folders get a manifest from their owner."""
    folder = write(tmp_path / "tiny", [0, 1, 2], version=version)
    task = folder / "tasks" / "guess"
    task.mkdir(parents=True)
    labels = pd.DataFrame({"at": DAYS[1:2], "id": [0], "y": [1.0]})
    for split in ("train", "val", "test"):
        labels.to_parquet(task / f"{split}.parquet")
    assert task_name(str(folder), "guess") == str(task)
    assert task_name(str(folder), "plane-late") == "plane-late"
    with pytest.raises(
        TaskError, match=r"has no manifest\.yaml \(RelBench 2 wrote none\); add one"
    ):
        Task.load(task)
    fields = {"name": "guess", "task_type": "regression", "entity_table": "a", "entity_col": "id"}
    fields |= {"target_col": "y", "time_col": "at", "timedelta": "1 day"}
    fields |= {"val_timestamp": "2020-01-02", "test_timestamp": "2020-01-03"}
    (task / "manifest.yaml").write_text(yaml.safe_dump(fields))
    seeds = Task.load(task).seeds(Database.open(folder), "train")
    assert seeds.entity.tolist() == [0]
    assert seeds.target.tolist() == [1.0]
