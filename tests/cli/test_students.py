"""From a trained run to a student that answers: distill, export, predict and serve, as users do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.cli import main
from tests.cli.shop import failure

FAST = ["seeds=1", "student.max_epochs=3", "student.channels=8", "sources.most=8"]


@pytest.fixture(scope="module")
def distilled(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distilled")
    assert main(["distill", f"run={run}", *FAST, f"out={folder / 'student'}"]) == 0
    return folder / "student"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [(7, "2020-05-05"), (3, "2020-05-01"), (7, "2020-04-11")]
    pd.DataFrame(rows, columns=["customer_id", "timestamp"]).to_csv(
        tmp_path / "ask.csv", index=False
    )
    return tmp_path / "ask.csv"


def test_distilling_leaves_a_ladder_students_and_an_artefact(distilled: Path) -> None:
    text = (distilled / "ladder.md").read_text()
    for name in ("constant", "row", "row+KD", "row+agg", "row+agg+KD", "LightGBM", "teacher"):
        assert f"| {name}" in text
    assert "One seed:" in text
    kept = yaml.safe_load((distilled / "ladder.yaml").read_text())
    assert {row["predictor"] for row in kept["rows"]} >= {"constant", "teacher"}
    assert {row["batch"] for row in kept["speed"]} == {1, 512}
    artefact = {path.name for path in (distilled / "artefact").iterdir()}
    assert artefact == {"student.onnx", "manifest.json", "features.sql"}
    assert "FROM" in (distilled / "artefact" / "features.sql").read_text()
    assert not list(distilled.rglob("*.part"))


def test_a_distillation_killed_goes_on(
    distilled: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["distill", f"run={run}", *FAST, "out=student"]
    second = tmp_path / "student" / "students" / "row+KD" / "seed-0" / "state.safetensors"
    with subprocess.Popen([sys.executable, "-m", "hgl", *words, "resume=true"]) as process:
        while process.poll() is None and not second.exists():
            time.sleep(0.005)
        process.kill()
    trained = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("state.safetensors")}
    del trained[second]
    assert len(trained) >= 2
    assert "resume=true goes on with a distillation" in failure(capsys, 2, *words)
    assert "seeds was 1" in failure(capsys, 2, *words, "resume=true", "seeds=2")
    assert main([*words, "resume=true"]) == 0
    assert {file: file.stat().st_mtime_ns for file in trained} == trained
    for name in ("students.json", "artefact/student.onnx"):
        assert (tmp_path / "student" / name).read_bytes() == (distilled / name).read_bytes()
    ladders = [
        yaml.safe_load((f / "ladder.yaml").read_text()) for f in (distilled, second.parents[3])
    ]
    assert ladders[0]["rows"] == ladders[1]["rows"]


def test_the_newest_run_is_distilled_where_none_is_named(
    shop: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "outputs" / "shop-comes-back" / "2020-01-01_00-00-00")
    assert main(["distill", *FAST]) == 0
    printed = capsys.readouterr().out
    (folder,) = (tmp_path / "outputs").glob("shop-comes-back-student/*")
    assert str(folder.relative_to(tmp_path)) in printed
    assert main(["export", "out=late"]) == 0
    assert (tmp_path / "late" / "student.onnx").is_file()


def test_live_answers_are_those_of_the_whole_database(
    distilled: Path, shop: Path, table: Path, tmp_path: Path
) -> None:
    """One SQL statement a row, against DuckDB over the arranged copy."""
    artefact = f"artefact={distilled / 'artefact'}"
    assert main(["predict", artefact, f"table={table}", "out=live.csv"]) == 0
    live = pd.read_csv("live.csv")
    assert live["customer_id"].tolist() == [7, 3, 7]
    assert live["prediction"].between(0, 1).all()
    frames = {"customer": "customer_id", "order": "order_id"}
    with closing(sqlite3.connect(shop / "shop.sqlite")) as connection:
        folder = tmp_path / "folder"
        folder.mkdir()
        for name in frames:
            frame = pd.read_sql(f'SELECT * FROM "{name}"', connection)
            if "at" in frame:
                frame["at"] = pd.to_datetime(frame["at"], format="ISO8601")
            frame.to_parquet(folder / f"{name}.parquet")
    assert main(["predict", artefact, f"table={table}", f"db={folder}", "out=whole.csv"]) == 0
    np.testing.assert_allclose(
        pd.read_csv("whole.csv")["prediction"], live["prediction"], rtol=1e-4
    )


def test_everybody_at_one_time(distilled: Path) -> None:
    words = [f"artefact={distilled / 'artefact'}", "at=2020-05-05", "out=may.parquet"]
    assert main(["predict", *words]) == 0
    found = pd.read_parquet("may.parquet")
    assert len(found) == 40
    assert found.columns.tolist() == ["customer_id", "timestamp", "prediction"]


def test_a_run_answers_a_table_too(run: Path, table: Path) -> None:
    assert main(["predict", f"run={run}", f"table={table}", "out=answers.csv"]) == 0
    assert pd.read_csv("answers.csv")["customer_id"].tolist() == [7, 3, 7]


def test_what_the_student_is_not_sure_of_is_asked_of_the_run(distilled: Path, run: Path) -> None:
    named = {"student": [f"artefact={distilled / 'artefact'}"], "teacher": [f"run={run}"]}
    named["both"] = named["student"] + named["teacher"]
    found = {}
    for name, words in named.items():
        assert main(["predict", *words, "at=2020-05-05", f"out={name}.csv"]) == 0
        found[name] = pd.read_csv(f"{name}.csv")["prediction"].to_numpy()
    manifest = json.loads((distilled / "artefact" / "manifest.json").read_text())
    unsure = np.abs(2 * found["student"] - 1) < manifest["unsure_below"]
    assert 0 < unsure.sum() < len(unsure)
    np.testing.assert_array_equal(found["both"][~unsure], found["student"][~unsure])
    # Asked about fewer, the teacher draws other neighbours.
    np.testing.assert_allclose(found["both"][unsure], found["teacher"][unsure], atol=0.1)
    assert not np.isclose(found["both"][unsure], found["student"][unsure]).any()


def test_another_rung_can_be_exported(distilled: Path, table: Path) -> None:
    words = [f"distilled={distilled}", "out=plain", "rung=row", "max_staleness=5 days"]
    assert main(["export", *words]) == 0
    manifest = json.loads(Path("plain/manifest.json").read_text())
    assert (manifest["tier"], manifest["max_staleness"]) == ("row", 5 * 86400)
    assert main(["predict", "artefact=plain", f"table={table}", "out=row.csv"]) == 0


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"customer_id": 7}], "timestamp"),
        ([{"timestamp": "2020-05-01"}], "customer_id"),
        ([{"customer_id": 4711, "timestamp": "2020-05-01"}], "4711"),
        ([{"customer_id": 7, "timestamp": "soon"}], "soon"),
    ],
)
@pytest.mark.parametrize("by", ["artefact", "run"])
def test_rows_that_cannot_be_answered(
    rows: list[dict[str, Any]],
    reason: str,
    by: str,
    distilled: Path,
    run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pd.DataFrame(rows).to_csv("ask.csv", index=False)
    named = f"artefact={distilled / 'artefact'}" if by == "artefact" else f"run={run}"
    assert reason in failure(capsys, 2, "predict", named, "table=ask.csv", "out=x.csv")
    assert not Path("x.csv").exists()


def test_a_database_that_changed_is_named(
    distilled: Path, shop: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(shop / "shop.sqlite", "changed.sqlite")
    with closing(sqlite3.connect("changed.sqlite")) as connection, connection:
        connection.execute('ALTER TABLE "order" RENAME COLUMN price TO cost')
        connection.execute('ALTER TABLE "order" RENAME COLUMN at TO since')
    words = [f"artefact={distilled / 'artefact'}", f"table={table}", "db=sqlite:///changed.sqlite"]
    line = failure(capsys, 2, "predict", *words, "out=x.csv")
    assert "order" in line
    assert "price" in line or "at" in line


def test_a_teacher_of_another_task_is_refused(
    distilled: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run whose task was edited no longer fits its model."""
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    task = yaml.safe_load((copy / "task.yaml").read_text())
    task["entity_table"], task["entity_col"] = "order", ["order_id"]
    (copy / "task.yaml").write_text(yaml.safe_dump(task))
    failure(capsys, 2, "distill", f"run={copy}", *FAST)


def test_a_secret_is_in_no_file(distilled: Path) -> None:
    for path in distilled.rglob("*"):
        if path.suffix in (".json", ".yaml", ".md", ".sql"):
            assert "sqlite:///" in path.read_text() or path.name != "manifest.json"
            assert "password" not in path.read_text()


@contextmanager
def served(*words: str) -> Iterator[str]:
    """A real service on a free port of this machine; stopped as a supervisor would."""
    command = [sys.executable, "-m", "hgl", "serve", "port=0", *words]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=one_thread) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if " at http://" in line)
            yield line.split(" at ")[1].split(";")[0]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def ask(url: str, body: Any) -> Any:
    request = urllib.request.Request(f"{url}/predict", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_service_says_what_predict_says(distilled: Path, table: Path) -> None:
    artefact = f"artefact={distilled / 'artefact'}"
    assert main(["predict", artefact, f"table={table}", "out=live.csv"]) == 0
    wanted = pd.read_csv("live.csv")["prediction"]
    rows = [
        {"customer_id": int(key), "time": at}
        for key, at in pd.read_csv(table).itertuples(index=False)
    ]
    with served(artefact) as url:
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/health", timeout=30) as answer:
            assert json.load(answer)["task"] == "comes-back"
        found = ask(url, {"rows": rows})["predictions"]
    np.testing.assert_allclose([row["prediction"] for row in found], wanted, rtol=1e-6)
