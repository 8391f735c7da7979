"""How the command fails: in one line, which names what was wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hgl.cli import main
from tests.cli.shop import SMALL, TASK, failure, source
from tests.test_conf import OPTIONS

EVERY_MODEL = sorted(path.stem for path in OPTIONS if path.parent.name == "model")


def test_predict_survives_the_loss_of_task_and_source(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not yaml.safe_load((run / "task.yaml").read_text())["sql"].startswith("/")
    notes = yaml.safe_load((run / "run.yaml").read_text())
    notes["database"]["folder"] = str(tmp_path / "gone")
    notes["config"]["db"] = "postgresql://me:***@127.0.0.1:1/shop"
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in run.glob("*.*"):
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "run.yaml").write_text(yaml.safe_dump(notes))
    line = failure(capsys, 2, "predict", f"run={copy}", "at=2020-03-01")
    assert "password is not kept: give the database again with db=<url>" in line


def test_a_stored_run_builds_nothing_foreign(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = yaml.safe_load((run / "run.yaml").read_text())
    notes["config"]["graph"] = {"_target_": "os.mkdir", "path": str(tmp_path / "planted")}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(notes))
    (tmp_path / "task.yaml").write_bytes((run / "task.yaml").read_bytes())
    assert "os.mkdir" in failure(capsys, 2, "evaluate", f"run={tmp_path}")
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("run.yaml", "config: 5\ndatabase: 4", "expected the folder that hgl train left"),
        ("run.yaml", "config: {model: {}}\ndatabase: {}", "expected the folder that hgl train"),
        ("task.yaml", None, "task.yaml' cannot be read"),
        ("task.yaml", "- a", "task.yaml' holds list"),
        ("statistics.json", "[]", "expected the folder of a finished"),
        ("statistics.json", "{}", "table 'customer' is not among those the run was trained on"),
        ("model.safetensors", "", "expected a whole safetensors file"),
        ("predictions/test.parquet", "half", "expected what hgl train left"),
        ("predictions/test.parquet", None, "expected what hgl train left"),
    ],
)
def test_a_damaged_run_is_named(
    name: str,
    content: str | None,
    expected: str,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(run, tmp_path / "run")
    file = tmp_path / "run" / name
    file.unlink() if content is None else file.write_text(content)
    assert expected in failure(capsys, 2, "evaluate", "run=run")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], "did you mean train?"),
        (["train", "modl=sage"], "did you mean model?"),
        (["train", "trainer.lrr=1"], "trainer.lrr: no such option; did you mean lr"),
        (["train", "model.gnn.layers=3"], "did you mean num_layers?"),
        (["search", "model=mlp"], "model=mlp: sets learner, which hgl search does not have"),
        (["train", "trainer.lr=fast"], "trainer.lr='fast': expected a number"),
        (["train", "policy=thawed"], "policy='thawed': expected frozen or rolling"),
        (
            ["train", "model=sag"],
            f"Available options in 'model': {' '.join(EVERY_MODEL)}",
        ),
        (["train", "trainer.lr=[1"], "expected key=value"),
        (["train", "trainer.lr"], "expected key=value"),
        (["train", "trainer.lr=1,2"], "--multirun"),
        (["train", "trainer=null"], "expected one of default, search, smoke"),
        (["train", "~sampling"], "sampling is missing"),
        (["train", "trainer.lr=-1"], "lr=-1"),
        (["train", "trainer.lr=inf"], "lr=inf: expected at least 0"),
        (["train", "trainer.max_steps=-1"], "max_steps=-1: expected at least 1"),
        (["train", "trainer.weight_decay=-1"], "weight_decay=-1: expected at least 0"),
        (["train", "trainer.patience=0"], "patience=0: expected at least 1"),
        (
            ["train", "trainer.seed=18446744073709551616"],
            "seed=18446744073709551616: expected 0 to",
        ),
        (["train", "trainer.device=gpu"], "device='gpu': expected auto, cpu or cuda"),
        (["train", "model.gnn=null"], "model.gnn=None: expected something with a _target_"),
        (
            ["train", "model=null"],
            f"'model=null': expected one of {', '.join(EVERY_MODEL)}",
        ),
        (["train", "sampling.aggregates=[]"], "aggregates=[]: expected ascending numbers of rows"),
        (["train", "sampling.aggregates=[5,1]"], "aggregates=[5, 1]: expected ascending numbers"),
        (["train", "sampling.aggregates=5"], "aggregates=5: expected a list of a whole number"),
        (["train", "~trainer"], "trainer"),
        (["train", "=5"], "'=5': expected key=value"),
        (["train", "--strict"], "'--strict': expected key=value"),
        (["audit", "--seeds"], "'--seeds': expected key=value"),
        (["train", "graph.without_fkeys=[[a,b,c]]"], "expected a list of a list of 2 times text"),
        (["train", "db=flihgts"], "did you mean flights?"),
        (["train", "db="], "db='': expected a URL"),
        (["train", "db=relbench:nowhere", "task=nowhere.yaml"], "'nowhere.yaml' cannot be read"),
        (["train", "db=flights", "task=plane-lat"], "plane-late"),
        (["train", "db=sqlite:///nowhere.sqlite"], "task=null"),
        (["train", "--config-dir", "nowhere"], "expected a folder"),
        (["train", "model._target_=hgl.models.sagee.X"], "no such class"),
        (["evaluate"], "run is missing: expected run="),
        (["evaluate", "run=nowhere"], "run='nowhere': expected the folder that hgl train left"),
        (["evaluate", "run=nowhere", "split=train"], "expected val or test"),
        (["predict", "at=2020-01-01"], "run=null, artefact=null: expected one of the two"),
        (["predict", "run=nowhere"], "at=None, table=None: expected one of the two"),
        (["predict", "run=nowhere", "table=none.csv"], "ends in .parquet or .csv"),
        (["distill"], "run=null: no hgl train has left anything under outputs/"),
        (["distill", "run=nowhere"], "expected the folder that hgl train left"),
        (["distill", "run=nowhere", "seeds=0"], "seeds=0: expected at least 1"),
        (["distill", "student.ratio=2"], "ratio=2: expected 0 to 1"),
        (["distill", "sources.stretches=1"], "stretches=1: expected at least 2"),
        (["export", "out=x"], "distilled=null: no hgl distill has left anything"),
        (["export"], "out is missing"),
        (["serve"], "artefact=null: no hgl distill has left anything"),
        (["serve", "artefact=nowhere"], "expected the folder of `hgl export`"),
        (["serve", "port=70000"], "port=70000: expected 0 to 65535"),
        (["serve", "limits.stale=maybe"], "stale='maybe'"),
        (["predict", "run=nowhere", "at=2020-01-01", "out=x.json"], ".parquet or .csv"),
        (["predict", "run=nowhere", "at=soon"], "at='soon'"),
        (["ingest", "db=postgresql://me:hunter2@127.0.0.1:1/none"], "127.0.0.1"),
        (["ingest", "db=nosuch://me:hunter2@host/none"], "nosuch"),
    ],
)
def test_failures_take_one_line(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = failure(capsys, 2, *words)
    assert expected in line
    assert "hunter2" not in line
    assert not list(tmp_path.iterdir()), "a command that never started leaves nothing"


def test_outputs_that_cannot_be_made_are_named(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outputs").touch()
    line = failure(capsys, 2, "train", *source(shop), *SMALL)
    assert "out=null: 'outputs/shop-comes-back' cannot be written" in line


def test_a_folder_that_cannot_be_written_is_named(
    shop: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken.csv").mkdir()
    line = failure(capsys, 2, "train", *source(shop), *SMALL, "out=file/run")
    assert "out='file/run': cannot be written" in line
    line = failure(capsys, 2, "predict", f"run={run}", "at=2020-03-01", "out=taken.csv")
    assert "out='taken.csv': cannot be written" in line


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("model.channels=0", "channels=0: expected at least 1"),
        ("model.num_blocks=-1", "num_blocks=-1: expected at least 0"),
        ("model.dropout=2", "dropout=2: expected 0 to 1"),
        ("model.gnn.dropout=nan", "gnn.dropout=nan: expected 0 to 1"),
        ("model.gnn.num_layers=0", "num_layers=0: expected at least 1"),
        ("sampling.num_neighbors=[4]", "num_layers=2: expected 1, the hops of num_neighbors"),
        ("model.gnn.num_layers=3", "num_layers=3: expected 2, the hops of num_neighbors"),
    ],
)
def test_numbers_out_of_range_are_named(
    word: str, expected: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in failure(capsys, 2, "train", *source(shop), *SMALL, word)


def test_a_fault_in_sql_keeps_its_mark(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "task.yaml").write_text(TASK.replace("c.customer_id,", "c.customer_no,", 1))
    assert main(["train", source(shop)[0], "task=task.yaml", *SMALL]) == 2
    said, line, mark = capsys.readouterr().err.splitlines()[-3:]
    assert said.startswith("error: task 'comes-back', sql: Binder Error")
    assert line[mark.index("^") :].startswith("c.customer_no")


def broken(**_: Any) -> None:
    """A model that cannot be."""
    raise RuntimeError("it broke at postgresql://me:hunter2@host/shop")


def stopped(**_: Any) -> None:
    """A model that Ctrl-C meets in DuckDB."""
    raise RuntimeError("Query interrupted")


def test_ctrl_c_in_a_query_is_no_error(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "train",
        *source(shop),
        *SMALL,
        "~model.gnn",
        "model._target_=tests.cli.test_failures.stopped",
    ]
    assert main(words) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"


def test_the_unexpected_is_one_line_too(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", *source(shop), *SMALL, "baselines=false", "model=sage"]
    words += ["~model.gnn", "model._target_=tests.cli.test_failures.broken"]
    assert main(words) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: unexpected RuntimeError: it broke at postgresql://me:***@host")
    with pytest.raises(RuntimeError, match="it broke"):
        main([*words, "debug=true"])


@pytest.mark.parametrize(
    "password", ["p@ss", "a,b", "a=b", "q?x&y", "sp ace", "${oops}", "it's", '"', "[1", "#", "%40"]
)
def test_passwords_survive_the_way_in_and_never_come_out(
    password: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", f"db=postgresql://me:x{password}y@host/shop", "--cfg"]) == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["db"] == "postgresql://me:***@host/shop"
    assert main(["ingest", f"db=postgresql://me:x{password}y@host/shop", "--help"]) == 0
    assert f"x{password}y" not in capsys.readouterr().out
    line = failure(capsys, 2, "ingest", f"db=postgresql://me:x{password}y@127.0.0.1:1/shop")
    assert f"x{password}y" not in line


def test_the_environment_asks_for_tracebacks(tmp_path: Path) -> None:
    quiet, loud = (
        subprocess.run(
            [sys.executable, "-m", "hgl", "train", "modl=1"],
            capture_output=True,
            text=True,
            env={**os.environ, "HYDRA_FULL_ERROR": flag},
        )
        for flag in ("0", "1")
    )
    assert (quiet.returncode, loud.returncode) == (2, 1)
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
