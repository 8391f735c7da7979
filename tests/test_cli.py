"""The command as a user meets it: what it leaves, what it prints, how it fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.cli import VERBS, main
from hgl.commands.describe import describe
from tests.test_conf import OPTIONS, composed

TASK = """
name: comes-back
entity_table: customer
entity_col: customer_id
target_col: comes_back
kind: binary
timedelta: 10 days
num_eval_timestamps: 2
val_timestamp: 2020-04-01
test_timestamp: 2020-05-01
sql: |
  SELECT t.timestamp, c.customer_id, COUNT(o.order_id) > 0 AS comes_back
  FROM timestamps t CROSS JOIN customer c
  LEFT JOIN "order" o ON o.customer_id = c.customer_id
    AND o.at > t.timestamp AND o.at <= t.timestamp + INTERVAL '{timedelta}'
  GROUP BY t.timestamp, c.customer_id
"""
MODELS = ["han", "hgt", "latte", "latte2go", "relgnn", "rgcn", "rhgnn", "sage", "simplehgn"]
SMALL = ["trainer=smoke", "sampling=smoke", "model.channels=8", "trainer.device=cpu"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of 40 customers and 600 orders, and a task."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(0)
    start = datetime(2020, 1, 1)
    customers = random.integers(0, 40, 600) // random.integers(1, 4, 600)
    instants = [start + timedelta(days=day) for day in random.uniform(0, 150, 600).tolist()]
    orders = [
        (i, int(customer), at.isoformat(" "), price)
        for i, (customer, at, price) in enumerate(
            zip(customers, instants, random.uniform(1, 9, 600).tolist())
        )
    ]
    cities = [(i, f"city {i % 3}") for i in range(40)]
    with closing(sqlite3.connect(folder / "shop.sqlite")) as connection, connection:
        connection.executescript(
            "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, city TEXT);"
            'CREATE TABLE "order" (order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES '
            "customer, at TIMESTAMP, price REAL);"
        )
        connection.executemany("INSERT INTO customer VALUES (?, ?)", cities)
        connection.executemany('INSERT INTO "order" VALUES (?, ?, ?, ?)', orders)
    (folder / "task.yaml").write_text(TASK)
    return folder


def source(shop: Path) -> list[str]:
    return [f"db=sqlite:///{shop / 'shop.sqlite'}", f"task={shop / 'task.yaml'}"]


@pytest.fixture(scope="module")
def run(shop: Path) -> Path:
    """The folder of a small run."""
    assert main(["train", *source(shop), *SMALL, f"out={shop / 'run'}"]) == 0
    return shop / "run"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def failure(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    """Run a command that must fail with `code`; return its last line, the error."""
    capsys.readouterr()
    assert main(list(words)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    *before, last = printed.err.splitlines()
    assert last.startswith("error: ")
    assert not any("error" in line for line in before)
    return last


def test_a_run_leaves_everything_in_its_folder(run: Path) -> None:
    notes = yaml.safe_load((run / "run.yaml").read_text())
    assert (notes["policy"], notes["cut"]) == ("rolling", "inclusive")
    assert notes["config"]["model"]["channels"] == 8
    assert notes["config"]["model"]["num_blocks"] == 2, "defaults are spelt out"
    assert notes["database"]["fingerprint"]
    assert notes["versions"]["torch"]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1]
    results = yaml.safe_load((run / "results.yaml").read_text())
    assert 0 <= results["metrics"]["test"]["roc_auc"] <= 1
    assert {"ingest", "training"} <= results["phases"].keys()
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert yaml.safe_load((run / "baselines.yaml").read_text()).keys() >= {"constant"}
    for split in ("val", "test"):
        frame = pd.read_parquet(run / "predictions" / f"{split}.parquet")
        assert len(frame) == results["seeds"][split]
        assert frame["prediction"].between(0, 1).all()
    assert not list(run.rglob("*.part"))


def test_training_prints_the_model_beside_its_baselines(
    shop: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train", *source(shop), *SMALL]) == 0
    printed = capsys.readouterr()
    for word in ("HeteroGraphSAGE", "constant", "entity history", "roc_auc", "% positive"):
        assert word in printed.out
    assert "policy rolling, cut inclusive" in printed.out
    assert "epoch 1:" in printed.err
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.iterdir()] == ["outputs"]
    (folder,) = (tmp_path / "outputs").glob("shop-comes-back/*")
    assert str(folder.relative_to(tmp_path)) in printed.out


def test_evaluate_finds_what_the_run_left(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", f"run={run}", "split=val"]) == 0
    printed = capsys.readouterr().out
    assert "largest difference from the stored ones 0\n" in printed
    stored = yaml.safe_load((run / "results.yaml").read_text())["metrics"]["val"]
    assert f"roc_auc {stored['roc_auc']:.4f}" in printed


def test_predict_writes_one_row_per_customer(run: Path, tmp_path: Path) -> None:
    for name in ("march.parquet", "march.csv"):
        assert main(["predict", f"run={run}", "at=2020-03-01", f"out={name}"]) == 0
    frame = pd.read_parquet("march.parquet")
    assert sorted(frame["customer_id"]) == list(range(40))
    assert set(frame["timestamp"].astype(str)) == {"2020-03-01"}
    np.testing.assert_allclose(pd.read_csv("march.csv")["prediction"], frame["prediction"])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_with_aggregates_is_restored_with_them(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sampling.aggregates=[1,20]", "history=true", "baselines=false", "out=run"]
    assert main(["train", *source(shop), *SMALL, *words]) == 0
    notes = yaml.safe_load(Path("run/run.yaml").read_text())
    assert notes["sampling"]["aggregates"] == [1, 20]
    assert main(["evaluate", "run=run"]) == 0
    assert "largest difference from the stored ones 0\n" in capsys.readouterr().out
    assert main(["predict", "run=run", "at=2020-05-01", "out=may.csv"]) == 0
    asked, stored = pd.read_csv("may.csv"), pd.read_parquet("run/predictions/test.parquet")
    first = stored[stored["timestamp"] == "2020-05-01"]
    both = asked.merge(first, on="customer_id", suffixes=("", "_stored"))
    assert len(both) == len(first) > 0
    np.testing.assert_allclose(both["prediction"], both["prediction_stored"], rtol=1e-5)


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


def test_resume_wants_the_same_data_and_task(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("shop.sqlite", "task.yaml"):
        shutil.copy(shop / file, tmp_path / file)
    words = ["train", *source(tmp_path), *SMALL, "baselines=false", "out=run"]
    assert main([*words, "trainer.max_epochs=1"]) == 0
    (tmp_path / "task.yaml").write_text(TASK.replace("> 0", "> 1"))
    line = failure(capsys, 2, *words, "resume=true")
    assert "was trained on another task 'comes-back'" in line
    (tmp_path / "task.yaml").write_text(TASK)
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection, connection:
        connection.execute('DELETE FROM "order" WHERE order_id = 5')
    assert "expected the same data" in failure(capsys, 2, *words, "resume=true")
    assert "COUNT(o.order_id) > 0" in (tmp_path / "run" / "task.yaml").read_text()


def test_resume_goes_on_under_the_same_settings(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", *source(shop), *SMALL, "baselines=false", "out=run"]
    assert main([*words, "trainer.max_epochs=1"]) == 0
    assert "resume=true goes on with a run" in failure(capsys, 2, *words)
    assert "model.channels was 8" in failure(capsys, 2, *words, "resume=true", "model.channels=16")
    assert main([*words, "trainer.max_epochs=3", "resume=true"]) == 0
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 3
    assert "resume=true" in failure(capsys, 2, *words[:-1], "resume=true")


@pytest.mark.parametrize("model", MODELS)
def test_every_model_trains(model: str, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", *source(shop), *SMALL, "baselines=false", f"model={model}"]
    assert main([*words, "trainer.max_epochs=1", "trainer.max_steps=1", "out=run"]) == 0
    assert "epoch 0: train_loss 0." in capsys.readouterr().err


def test_ctrl_c_keeps_the_best_epoch(shop: Path, tmp_path: Path) -> None:
    words = [*source(shop), *SMALL, "trainer.max_epochs=100000", "baselines=false", "out=run"]
    with subprocess.Popen(
        [sys.executable, "-m", "hgl", "train", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.startswith("epoch 1:"))
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert yaml.safe_load((tmp_path / "run" / "results.yaml").read_text())["interrupted"] is True


def test_multirun_runs_every_combination(shop: Path, tmp_path: Path) -> None:
    words = ["train", *source(shop), *SMALL, "trainer.max_epochs=1", "baselines=false", "out=runs"]
    assert main([*words, "-m", "trainer.seed=0,1"]) == 0
    seeds = [
        yaml.safe_load((tmp_path / "runs" / n / "run.yaml").read_text())["seed"] for n in ("0", "1")
    ]
    assert seeds == [0, 1]


def test_ingest_says_what_it_found(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", source(shop)[0], "out=arranged"]) == 0
    printed = capsys.readouterr().out
    for word in ("customer_id → customer(customer_id)", "static tables: customer", "fingerprint"):
        assert word in printed
    assert main(["train", "db=arranged", source(shop)[1], *SMALL, "baselines=false"]) == 0


def test_doctor_names_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for word in ("hgl", "torch", "sampler", "cache", "lightgbm"):
        assert word in printed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], "did you mean train?"),
        (["train", "modl=sage"], "did you mean model?"),
        (["train", "trainer.lrr=1"], "trainer.lrr: no such option; did you mean lr"),
        (["train", "model.gnn.layers=3"], "did you mean num_layers?"),
        (["train", "trainer.lr=fast"], "trainer.lr='fast': expected a number"),
        (["train", "policy=thawed"], "policy='thawed': expected frozen or rolling"),
        (
            ["train", "model=sag"],
            f"Available options in 'model': {' '.join(MODELS)}",
        ),
        (["train", "trainer.lr=[1"], "expected key=value"),
        (["train", "trainer.lr"], "expected key=value"),
        (["train", "trainer.lr=1,2"], "--multirun"),
        (["train", "trainer=null"], "expected one of default, smoke"),
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
            f"'model=null': expected one of {', '.join(MODELS)}",
        ),
        (["train", "sampling.aggregates=[]"], "aggregates=[]: expected ascending numbers of rows"),
        (["train", "sampling.aggregates=[5,1]"], "aggregates=[5, 1]: expected ascending numbers"),
        (["train", "sampling.aggregates=5"], "aggregates=5: expected a list of a whole number"),
        (["train", "~trainer"], "trainer"),
        (["train", "=5"], "'=5': expected key=value"),
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
        (["predict"], "run is missing"),
        (["predict", "run=nowhere"], "at is missing"),
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


def test_a_very_long_name_still_makes_a_folder(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(TASK.replace("comes-back", "comes-back" * 50))
    words = [source(shop)[0], "task=task.yaml", *SMALL, "baselines=false"]
    assert main(["train", *words]) == 0
    assert list((tmp_path / "outputs").glob("shop-comes-back*/*/results.yaml"))


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
    words = ["train", *source(shop), *SMALL, "~model.gnn", "model._target_=tests.test_cli.stopped"]
    assert main(words) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"


def test_the_unexpected_is_one_line_too(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", *source(shop), *SMALL, "baselines=false", "model=sage"]
    words += ["~model.gnn", "model._target_=tests.test_cli.broken"]
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


CHOICES = [
    *([verb] for verb in VERBS),
    *(["train", f"{path.parent}={path.stem}"] for path in OPTIONS),
]
"""Every verb, and `train` with each of its options."""


def documented(verb: str, *overrides: str) -> Iterator[tuple[str, str]]:
    """Every key of a verb with these options, with what its docstring says."""

    def below(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, argument in describe(node["_target_"]).arguments.items():
            if isinstance(node.get(name), Mapping):
                yield from below(f"{path}{name}.", node[name])
            elif (
                name in node or argument.default not in (None, "None") or "|" in argument.annotation
            ):
                yield f"{path}{name}", argument.text

    yield from below("", composed(verb, *overrides))


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_help_documents_every_key(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    verb = words[0]
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    for key, text in documented(*words):
        if key.endswith("watcher"):  # given by code, never by a user
            assert key not in shown
            continue
        assert f"  {key}=" in shown, f"{key} is not in the help of {verb}"
        assert text, f"{key} has no description"
    assert "hgl " + verb in shown.split("keys")[0].split("\n\n", 1)[1], "no example"


def test_help_names_verbs_groups_and_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    overview = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == overview
    for verb in VERBS:
        assert f"hgl {verb} " in overview
    assert main(["train", "--help"]) == 0
    manual = capsys.readouterr().out
    for path in OPTIONS:
        (line,) = [x for x in manual.splitlines() if x.startswith(f"{path.parent}=")]
        assert path.stem in line
    for flag in ("--cfg", "--config-dir", "--multirun", "debug=true"):
        assert flag in manual
    assert all(line == line.rstrip() for line in manual.splitlines())


def test_own_configurations_come_in(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_tree = tmp_path / "it's, [mine]"
    own = {
        "model/tiny.yaml": {"defaults": ["sage"], "channels": 4},
        "experiment/mine.yaml": {"task": "from-mine", "sampling": {"batch_size": 7}},
    }
    for name, content in own.items():
        (own_tree / name).parent.mkdir(parents=True)
        header = "# @package _global_\n" if name.startswith("experiment") else ""
        (own_tree / name).write_text(header + yaml.safe_dump(content))
    words = ["train", "--config-dir", str(own_tree), "model=tiny", "experiment=mine"]
    assert main([*words, "trainer.lr=0.5", "--cfg"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["channels"] == 4
    assert config["sampling"]["batch_size"] == 7
    assert config["task"] == "from-mine"
    assert config["trainer"]["lr"] == 0.5
    assert main([*words, "--help"]) == 0
    assert f"model={'|'.join(MODELS)}|tiny" in capsys.readouterr().out
