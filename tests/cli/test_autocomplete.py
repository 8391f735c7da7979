"""Completing a column with the command: train, evaluate, predict, submit."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hgl.cli import main
from hgl.commands.folder import kept
from hgl.tasks.task import Task
from tests.cli.shop import SMALL, failure
from tests.tasks import meters

SCHEMA = """
CREATE TABLE meters (meter_id INTEGER PRIMARY KEY, size REAL);
CREATE TABLE readings (reading_id INTEGER PRIMARY KEY, meter_id INTEGER REFERENCES meters,
    at TIMESTAMP, level REAL, copy REAL, weak REAL, state TEXT);
CREATE TABLE bills (bill_id INTEGER PRIMARY KEY, meter_id INTEGER REFERENCES meters,
    at TIMESTAMP, amount REAL);
"""
TASK = """
name: level
kind: autocomplete
task_type: regression
entity_table: readings
target_col: level
val_timestamp: 2024-01-25
test_timestamp: 2024-02-01
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, a task and a run on them."""
    home = tmp_path_factory.mktemp("meters")
    with closing(sqlite3.connect(home / "town.sqlite")) as connection, connection:
        connection.executescript(SCHEMA)
        for name, frame in meters.frames(10, 40).items():
            frame.to_sql(name, connection, if_exists="append", index=False)
    (home / "level.yaml").write_text(TASK)
    words = [f"db=sqlite:///{home / 'town.sqlite'}", f"task={home / 'level.yaml'}"]
    words += ["sampling.strategy=last", f"out={home / 'run'}"]  # so that no draw tells runs apart
    assert main(["train", *words, *SMALL]) == 0
    return home


def test_a_run_says_what_it_hid(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = yaml.safe_load((home / "run" / "run.yaml").read_text())
    assert (notes["policy"], notes["cut"]) == ("rolling", "strict")
    frame = pd.read_parquet(home / "run" / "predictions" / "test.parquet")
    assert {"reading_id", "at", "level", "prediction"} == set(frame)
    statistics = (home / "run" / "statistics.json").read_text()
    assert '"weak"' in statistics
    assert '"level"' not in statistics
    assert '"copy"' not in statistics
    stored = yaml.safe_load((home / "run" / "baselines.yaml").read_text())
    assert "entity history" not in stored
    words = [f"db=sqlite:///{home / 'town.sqlite'}", f"task={home / 'level.yaml'}"]
    assert main(["train", *words, *SMALL, "baselines=false"]) == 0
    printed = capsys.readouterr().out
    assert "readings.copy left out: it is 9" in printed
    assert "policy rolling, cut strict" in printed


def test_evaluate_finds_what_the_run_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", f"run={home / 'run'}", "submission=board"]) == 0
    printed = capsys.readouterr().out
    assert "largest difference from the stored ones 0\n" in printed
    (file,) = Path("board").iterdir()
    assert file.name == "town__level.csv"
    stored = pd.read_parquet(home / "run" / "predictions" / "test.parquet")
    written = pd.read_csv(file)
    assert list(written) == ["reading_id", "at", "level"]
    merged = written.merge(stored, on="reading_id")
    assert len(merged) == len(stored)
    pd.testing.assert_series_equal(
        merged["level_x"], merged["prediction"].astype(float), check_names=False
    )


def test_rows_are_predicted_by_their_key(home: Path) -> None:
    pd.DataFrame({"reading_id": [399, 12]}).to_csv("ask.csv", index=False)
    assert main(["predict", f"run={home / 'run'}", "table=ask.csv", "out=answers.csv"]) == 0
    answers = pd.read_csv("answers.csv")
    assert answers["reading_id"].tolist() == [399, 12]
    assert answers["prediction"].notna().all()
    stored = pd.read_parquet(home / "run" / "predictions" / "test.parquet")
    before = stored.set_index("reading_id")["prediction"]
    assert answers["prediction"][0] == pytest.approx(before[399], abs=1e-5)


def test_empty_cells_are_filled(home: Path) -> None:
    assert main(["predict", f"run={home / 'run'}", "at=2024-02-09 12:00", "out=empty.csv"]) == 0
    filled = pd.read_csv("empty.csv")
    frame = meters.frames(10, 40)["readings"]
    assert filled["reading_id"].tolist() == frame.index[frame["level"].isna()].tolist()


def test_what_does_not_go_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = [f"db=sqlite:///{home / 'town.sqlite'}", f"task={home / 'level.yaml'}"]
    assert "expected rolling" in failure(capsys, 2, "train", *source, *SMALL, "policy=frozen")
    run = f"run={home / 'run'}"
    assert "expected test" in failure(capsys, 2, "evaluate", run, "split=val", "submission=x")
    assert "completes a column" in failure(capsys, 2, "distill", run)


def test_a_run_keeps_the_task_whole() -> None:
    task = meters.level(keep_columns=[["readings", "copy"]], val_timestamp=0)
    assert Task.from_mapping(json.loads(json.dumps(kept(task))), "task") == task
