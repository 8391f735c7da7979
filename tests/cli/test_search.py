"""`hgl search` as a user meets it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hgl.cli import main
from hgl.search.store import TrialStore
from tests.cli.shop import failure, source
from tests.search.market import MANIFEST, SQL, market

TINY = [
    *("trainer.max_steps=3", "trainer.lr=0.01", "trainer.device=cpu", "model.channels=8"),
    *("sampling.num_neighbors=[4,2]", "rungs=[[1,1]]", "budget=6", "finalists=1"),
]
TASK = {
    "name": "returns",
    "entity_table": "customers",
    "entity_col": "customer_id",
    "target_col": "returns",
    "kind": "binary",
    "timedelta": "10 days",
    "num_eval_timestamps": 2,
    "val_timestamp": "2024-04-20",
    "test_timestamp": "2024-05-20",
    "sql": SQL,
}


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A market in a folder, its manifest and a task, as words of the command."""
    folder = tmp_path_factory.mktemp("stall")
    db = market()
    (folder / "db").mkdir()
    for name in db.schema.tables:
        db.frame(name).to_parquet(folder / "db" / f"{name}.parquet")
    (folder / "manifest.yaml").write_text(yaml.safe_dump(MANIFEST))
    (folder / "task.yaml").write_text(yaml.safe_dump(TASK))
    manifest = f"manifest={folder / 'manifest.yaml'}"
    return [f"db={folder / 'db'}", f"task={folder / 'task.yaml'}", manifest]


@pytest.fixture(scope="module")
def done(stall: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search by two processes."""
    out = tmp_path_factory.mktemp("searches") / "one"
    assert main(["search", *stall, *TINY, "workers=2", f"out={out}"]) == 0
    return out


def test_a_search_leaves_a_report_and_a_configuration(done: Path, stall: list[str]) -> None:
    board = pd.read_csv(done / "leaderboard.csv")
    assert board["validation"].between(0, 1).all()
    assert board["rank"].tolist() == list(range(1, len(board) + 1))
    for name in ("graphs.png", "effects.png", "curve.png"):
        assert (done / name).read_bytes().startswith(b"\x89PNG")
    report = (done / "report.md").read_text()
    assert "On test the chosen graph is" in report or "all rows as nodes itself" in report
    assert "```mermaid" in report
    small = ["trainer=smoke", "sampling=smoke", "model.channels=8", "baselines=false"]
    words = [*stall, *small, "--config-dir", str(done), "graph=searched", "out=trained"]
    assert main(["train", *words]) == 0
    notes = yaml.safe_load(Path("trained/run.yaml").read_text())
    drawn = notes["config"]["graph"]
    assert {"without_tables", "without_fkeys", "edge_tables"} <= drawn.keys()


def test_a_finished_search_is_told_again(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(done, tmp_path / "copy" / done.name)
    before = (done / "leaderboard.csv").read_text()
    (tmp_path / "copy" / done.name / "report.md").unlink()
    capsys.readouterr()
    assert main(["search", f"join={tmp_path / 'copy' / done.name}"]) == 0
    printed = capsys.readouterr()
    assert "Chosen:" in printed.out
    assert "trial 1, graph " in printed.err
    assert (tmp_path / "copy" / done.name / "leaderboard.csv").read_text() == before
    assert (tmp_path / "copy" / done.name / "report.md").exists()


def test_a_space_of_one_graph(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", *source(shop), *TINY]) == 0
    printed = capsys.readouterr()
    assert "That is all rows as nodes itself" in printed.out
    assert "1 graph models, 0 failed" in printed.out
    assert list(Path("outputs/shop-comes-back-search").glob("*/report.md"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["method=oracle"], "oracle"),
        (["budget=0"], "budget=0: expected more than the 9 trainings"),
        (["rungs=[[3,1],[1,1]]"], "rungs"),
        (["workers=0"], "workers=0"),
        (["join=nowhere"], "join='nowhere': expected the folder that hgl search left"),
        (["graph=all_rows"], "graph"),
        (["store=mongodb://host/x"], "store"),
    ],
)
def test_words_that_make_no_search(
    shop: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in failure(capsys, 2, "search", *source(shop), *TINY[:4], *words)


def test_a_search_is_joined_with_its_own_data_only(
    done: Path, stall: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / done.name
    shutil.copytree(done, folder)
    task = yaml.safe_load((folder / "task.yaml").read_text())
    (folder / "task.yaml").write_text(yaml.safe_dump(task | {"num_eval_timestamps": 1}))
    last = failure(capsys, 2, "search", f"join={folder}")
    assert "is another: task=" in last


@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_stopped_search_gives_its_trials_back(
    sign: signal.Signals, code: int, stall: list[str], tmp_path: Path
) -> None:
    """Ctrl-C ends all its processes, and what they were at is free at once; of one that is killed,
    what the others were at.
    """
    slow = ["trainer.max_steps=3000", "rungs=[[3000,1]]", "workers=2", "out=stopped", "finalists=1"]
    words = [sys.executable, "-m", "hgl", "search", *stall, *TINY[1:5], *slow, "budget=9"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while (claimed := _claimed(tmp_path / "stopped" / "trials.sqlite")) < 2:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"{claimed} claimed"
        time.sleep(0.2)
    process.send_signal(sign)
    # Ends once every process has closed it.
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert ("interrupted" in said) == (sign == signal.SIGINT)
    frame = TrialStore("stopped/trials.sqlite").frame()
    assert set(frame["state"]) == {"claimed"}
    given_back = frame["heartbeat"] == pd.Timestamp(0, tz="UTC")
    assert given_back.sum() == (2 if sign == signal.SIGINT else 1)


def _claimed(path: Path) -> int:
    return len(TrialStore(path).frame()) if path.exists() else 0
