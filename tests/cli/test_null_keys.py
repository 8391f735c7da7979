"""`hgl train` on a table drawn as edges, some of whose keys are null."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from hgl.cli import main
from tests.cli.shop import SMALL, failure

TASK = """
name: writes-again
entity_table: reader
entity_col: id
target_col: again
kind: binary
timedelta: 10 days
num_eval_timestamps: 2
val_timestamp: 2020-02-20
test_timestamp: 2020-03-10
sql: |
  SELECT t.timestamp, r.id, COUNT(l.id) > 0 AS again
  FROM timestamps t CROSS JOIN reader r
  LEFT JOIN loan l ON l.reader = r.id
    AND l.at > t.timestamp AND l.at <= t.timestamp + INTERVAL '{timedelta}'
  GROUP BY t.timestamp, r.id
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Loans of books to readers; of every third the book is null, of every fifth the reader."""
    folder = tmp_path_factory.mktemp("library")
    random = np.random.default_rng(0)
    start = datetime(2020, 1, 1)
    loans = [
        (i, i % 7 if i % 3 else None, int(reader) if i % 5 else None, str(start + timedelta(days)))
        for i, (reader, days) in enumerate(
            zip(
                random.integers(0, 40, 300) // random.integers(1, 4, 300),
                random.uniform(0, 90, 300),
            )
        )
    ]
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection, connection:
        connection.executescript(
            "CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT);"
            "CREATE TABLE reader (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE loan (id INTEGER PRIMARY KEY, book INTEGER REFERENCES book,"
            " reader INTEGER REFERENCES reader, at TIMESTAMP);"
        )
        connection.executemany("INSERT INTO book VALUES (?, ?)", [(i, f"b{i}") for i in range(7)])
        people = [(i, f"r{i}") for i in range(40)]
        connection.executemany("INSERT INTO reader VALUES (?, ?)", people)
        connection.executemany("INSERT INTO loan VALUES (?, ?, ?, ?)", loans)
    (folder / "task.yaml").write_text(TASK)
    return [f"db=sqlite:///{folder / 'library.sqlite'}", f"task={folder / 'task.yaml'}"]


def test_rows_with_a_null_key_come_in_on_request(
    library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["graph.edge_tables=[loan]", "graph.null_keys=sink", "sampling.edge_fan_out=0.5"]
    assert main(["train", *library, *SMALL, *words, "baselines=false", "out=run"]) == 0
    notes = yaml.safe_load(Path("run/run.yaml").read_text())
    assert notes["config"]["graph"]["null_keys"] == "sink"
    assert notes["sampling"]["edge_fan_out"] == 0.5
    assert "loan sink" in notes["tables"]
    both, book, reader = 160, 80, 40
    counts = {edge: sum(parts.values()) for edge, parts in notes["rows_as_edges"].items()}
    edges = {edge: parts["edges"] for edge, parts in notes["rows_as_edges"].items()}
    assert edges["book r2e_loan reader"] == both
    assert edges["loan sink r2e_loan reader"] == book
    assert edges["loan sink rev_r2e_loan book"] == reader
    assert counts["book r2e_loan reader"] == 300
    assert main(["evaluate", "run=run"]) == 0
    assert "largest difference from the stored ones 0\n" in capsys.readouterr().out
    assert main(["predict", "run=run", "at=2020-03-01", "out=march.csv"]) == 0


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("graph.null_keys=keep", "null_keys"),
        ("sampling.edge_fan_out=0", "edge_fan_out=0"),
    ],
)
def test_values_out_of_range(
    library: list[str], word: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in failure(capsys, 2, "train", *library, *SMALL, word)
