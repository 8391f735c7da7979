"""Records from stores and runs, damaged ones included."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from hgl.errors import CacheError
from hgl.report.page.database import read_tables
from hgl.report.page.run import read_run
from hgl.report.page.run_folder import read_runs
from hgl.report.page.store import read_store
from hgl.results.record import Record
from tests.report.page import made


def test_a_run_becomes_a_record(tmp_path: Path) -> None:
    db = made.database(tmp_path / "db")
    (record,), gaps = read_runs([made.run(tmp_path / "a" / "b", db, seed=3)])
    assert gaps == []
    assert (record.id, record.dataset, record.model, record.seed) == ("a/b", "shop", "Network", 3)
    assert (record.metric, record.higher_is_better, record.seconds) == ("roc_auc", True, 13.0)
    low, high = record.interval["test"]
    assert low < record.score("test") < high
    run = read_run(record)
    assert len(run.curve) == 3
    assert run.num_train == 480
    assert run.answers["test"].score() == record.score("test")


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_other_kinds_score_as_the_run_did(tmp_path: Path, kind: str) -> None:
    db = made.database(tmp_path / "db")
    (record,), gaps = read_runs([made.run(tmp_path / "run", db, kind=kind)])
    assert gaps == []
    scored = read_run(record).answers["test"].score()
    assert scored == pytest.approx(record.score("test"))


def test_equal_questions_have_equal_fingerprints(tmp_path: Path) -> None:
    db = made.database(tmp_path / "db")
    folders = [
        made.run(tmp_path / str(n), db, seed=n, model=f"m.M{n}", draw=n // 2) for n in range(3)
    ]
    records, _ = read_runs(folders)
    assert len({record.labels for record in records}) == 1
    said = [record.predictions["test"] for record in records]
    assert said[0] == said[1] != said[2]


def test_the_newest_of_equal_runs_counts_and_the_other_is_named(tmp_path: Path) -> None:
    db = made.database(tmp_path / "db")
    folders = [made.run(tmp_path / name, db) for name in ("one", "two")]
    os.utime(folders[1] / "results.yaml", (1, 1))
    (record,), (gap,) = read_runs(folders)
    assert record.folder == folders[0]
    assert "two" in str(gap)
    assert "one is newer" in str(gap)


def test_baselines_of_a_run_are_lines_once(tmp_path: Path) -> None:
    db = made.database(tmp_path / "db")
    folders = [made.run(tmp_path / str(n), db, seed=n) for n in range(2)]
    for folder in folders:
        scores = {"constant": {"val": {"roc_auc": 0.5}, "test": {"roc_auc": 0.5}}}
        (folder / "baselines.yaml").write_text(yaml.safe_dump(scores))
    records, _ = read_runs(folders)
    assert [r.model for r in records] == ["Network", "Network", "constant"]


def test_an_unfinished_run_is_a_failure(tmp_path: Path) -> None:
    folder = made.run(tmp_path / "run", made.database(tmp_path / "db"))
    (folder / "results.yaml").unlink()
    (record,), _ = read_runs([folder])
    assert (record.status, record.error) == ("unfinished", "it left no results.yaml")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("run.yaml", "[1, 2"),
        ("run.yaml", "seed: 1"),
        ("task.yaml", "name: x"),
        ("results.yaml", "metrics: 3"),
        ("results.yaml", "- 1"),
    ],
)
def test_a_damaged_run_is_a_gap_that_names_the_file(
    tmp_path: Path, file: str, content: str
) -> None:
    folder = made.run(tmp_path / "run", made.database(tmp_path / "db"))
    (folder / file).write_text(content)
    records, gaps = read_runs([folder])
    assert records == []
    assert len(gaps) == 1
    assert file in str(gaps[0])


@pytest.mark.parametrize("damage", ["bytes", "gone", "nan", "column"])
def test_a_broken_prediction_file_is_a_gap(tmp_path: Path, damage: str) -> None:
    folder = made.run(tmp_path / "run", made.database(tmp_path / "db"))
    file = folder / "predictions" / "test.parquet"
    frame = made.answers("test", "binary", 0.5, 0)
    if damage == "bytes":
        file.write_bytes(b"PAR1 and no more")
    elif damage == "gone":
        file.unlink()
    elif damage == "nan":
        frame.assign(prediction=np.nan).to_parquet(file)
    else:
        frame.drop(columns="comes_back").to_parquet(file)
    (record,), gaps = read_runs([folder])
    assert record.done
    assert "test" not in record.interval
    assert len(gaps) == 1
    assert "test.parquet" in str(gaps[0])
    (gap,) = read_run(record).gaps
    assert "test.parquet" in str(gap)


def test_records_of_a_store_and_what_cannot_be_read(tmp_path: Path) -> None:
    good = made.record(None, tmp_path)
    (tmp_path / "records" / "broken.json").write_text("{")
    (tmp_path / "records" / "list.json").write_text("[]")
    made.record(None, tmp_path, metric=None)
    records, gaps = read_store(tmp_path)
    assert [record.file for record in records] == [good]
    assert len(gaps) == 3
    with pytest.raises(CacheError, match="expected the folder that hgl bench left"):
        read_store(tmp_path / "records")


def test_a_run_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    file = made.record(tmp_path / "gone", tmp_path)
    record = Record.read(file)
    assert "is gone" in str(read_run(record).gaps[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m | {"manifest_version": 7}, "of version 7, newer than this hgl knows"),
        (lambda m: m | {"hgl": m["hgl"] | {"version": 2}}, "of version 2"),
        (lambda m: m | {"hgl": m["hgl"] | {"fingerprint": "other"}}, "its data is other now"),
        (lambda m: {"tables": 3}, "manifest"),
    ],
)
def test_a_database_that_is_newer_or_another_is_not_drawn(tmp_path: Path, change, reason) -> None:
    db = made.database(tmp_path / "db")
    (record,), _ = read_runs([made.run(tmp_path / "run", db)])
    assert read_tables([record]).spans.keys() == {"orders"}
    manifest = tmp_path / "db" / "manifest.yaml"
    manifest.write_text(yaml.safe_dump(change(yaml.safe_load(manifest.read_text()))))
    with pytest.raises(CacheError, match=reason):
        read_tables([record])
