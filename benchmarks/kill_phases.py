"""What is killed: the commands of each phase, and what must be the same in the end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

Commands = list[list[str]]
SMALL = ("sampling=smoke", "model.channels=8", "trainer.device=cpu", "trainer.max_steps=6")
TRAIN = (*SMALL, "model=sage", "sampling.batch_size=64", "baselines=false")
SEARCH = (*SMALL, "rungs=[[1,1],[2,1]]", "budget=8", "finalists=1", "final_seeds=1")
DISTILL = ("seeds=1", "student.max_epochs=3", "student.channels=8", "sources.most=8")
_SECONDS = re.compile(r"second|peak|speed|phases")
"""Names of what no two runs have alike."""


@dataclass(frozen=True)
class Phase:
    """Something to kill.

    Attributes:
        wanted: the commands that go on with what a folder holds, or begin; asked again while they
            run, since a process may join once another has begun.
        result: what must be as it is without kills.
        finished: epochs, trials or runs done so far, each with what changes when it is done again;
            None where that cannot be told.
        lapse: takes dead processes (their numbers) for silent for longer than their lease, which
            nobody wants to wait for.
        cold: whether each round begins with an empty cache.
        crew: whether processes that a command starts are killed as well, with it or instead.
    """

    wanted: Callable[[Path], Commands]
    result: Callable[[Path], Any]
    finished: Callable[[Path], dict[str, Any]] | None = None
    lapse: Callable[[Path, Sequence[int]], None] = lambda folder, dead: None
    cold: bool = False
    crew: bool = False


def phases(source: list[str], suite: Path, teacher: Path) -> dict[str, Phase]:
    """Return every phase by name.

    Args:
        source: words that name database and task.
        suite: configuration folder of a suite `kills`.
        teacher: a run to distil.
    """
    distill = ["distill", f"run={teacher}", *DISTILL, "resume=true", "out=student"]
    train = ["train", *source, *TRAIN, "resume=true", "out=run"]
    bench = ["bench", "--config-dir", str(suite), "suite=kills", "store=store", "seeds=2"]
    bench += ["model=sage", "workers=2", *(f"~contenders.{n}" for n in ("history", "lightgbm"))]
    bench += [f"~contenders.{n}" for n in ("mlp", "lightgbm-row")]

    def search(folder: Path) -> Commands:
        if _begun(folder):
            return [["search", "join=search"]] * 2
        return [["search", *source, *SEARCH, "out=search"]]

    def crew(folder: Path) -> Commands:
        words = ["join=search"] if _begun(folder) else [*source, *SEARCH, "out=search"]
        return [["search", *words, "workers=2"]]

    return {
        "ingest": Phase(lambda _: [["ingest", source[0], "out=shop"]], _database, cold=True),
        "graph": Phase(
            lambda _: [[*train, "trainer.max_epochs=1", "test=false"]], _run, _epochs, cold=True
        ),
        "training": Phase(lambda _: [[*train, "trainer.max_epochs=8"]], _run, _epochs),
        "search": Phase(search, _search, _trials, _free_trials),
        "search workers=2": Phase(crew, _search, _trials, _free_trials, crew=True),
        "distillation": Phase(lambda _: [distill], _students, _trainings),
        "bench": Phase(lambda _: [bench], _records, _runs, _free_runs),
    }


def teaching(source: list[str]) -> list[str]:
    """Return the command that trains what is distilled."""
    return ["train", *source, *TRAIN, "trainer.max_epochs=2", "out=teacher"]


def write_suite(folder: Path, source: list[str]) -> None:
    """Write the configuration of the suite that is benchmarked."""
    database, task = (word.partition("=")[2] for word in source)
    suite = {"_target_": "hgl.bench.suite.Suite", "name": "kills", "db": database}
    suite |= {"tasks": {task: {}}, "models": ["sage"], "network": [*SMALL, "trainer.max_epochs=2"]}
    (folder / "suite").mkdir(parents=True)
    (folder / "suite" / "kills.yaml").write_text(yaml.safe_dump(suite))


def tree(folder: Path) -> dict[str, str]:
    """Return a hash of every file below a folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): _hash(file) for file in files}


def _hash(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()


def _database(folder: Path) -> Any:
    return tree(folder / "shop"), (folder / "shop.part").exists()


def _run(folder: Path) -> Any:
    results = yaml.safe_load((folder / "run" / "results.yaml").read_text())
    kept = {name: value for name, value in results.items() if not _SECONDS.search(name)}
    bits = ("metrics.jsonl", "model.safetensors", "state.safetensors", "statistics.json")
    files = {name: _hash(folder / "run" / name) for name in bits}
    return kept, files, tree(folder / "run" / "predictions")


def _epochs(folder: Path) -> dict[str, int]:
    log = folder / "log"
    return Counter(re.findall(r"^epoch \d+(?=:)", log.read_text() if log.exists() else "", re.M))


def _begun(folder: Path) -> bool:
    return (folder / "search" / "search.yaml").exists()


def _search(folder: Path) -> Any:
    board = pd.read_csv(folder / "search" / "leaderboard.csv")
    board = board[[name for name in board.columns if not _SECONDS.search(name)]]
    chosen = (folder / "search" / "graph" / "searched.yaml").read_text()
    rows = _rows(folder, "SELECT bits, seed, epochs, state, validation FROM hgl_trial ORDER BY id")
    return board.to_csv(), chosen, rows


def _trials(folder: Path) -> dict[str, float]:
    return dict(_rows(folder, "SELECT id, finished FROM hgl_trial WHERE state = 'done'"))


def _free_trials(folder: Path, dead: Sequence[int]) -> None:
    for pid in dead:
        _rows(
            folder,
            "UPDATE hgl_trial SET heartbeat = 0 WHERE state = 'claimed' "
            f"AND worker LIKE '%-{pid}' RETURNING id",
        )


def _rows(folder: Path, sql: str) -> list[Any]:
    store = folder / "search" / "trials.sqlite"
    if not store.exists():
        return []
    with contextlib.closing(sqlite3.connect(store, timeout=60)) as connection, connection:
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return []
        return connection.execute(sql).fetchall()


def _students(folder: Path) -> Any:
    student = folder / "student"
    ladder = yaml.safe_load((student / "ladder.yaml").read_text())["rows"]
    files = [_hash(student / name) for name in ("students.json", "artefact/student.onnx")]
    return ladder, files, tree(student / "students"), tree(student / "teachers")


def _trainings(folder: Path) -> dict[str, int]:
    """When each finished network of a distillation was saved: all but the one that came last."""
    states = ((f.stat().st_mtime_ns, f) for f in folder.rglob("state.safetensors"))
    return {str(file.relative_to(folder)): at for at, file in sorted(states)[:-1]}


def _records(folder: Path) -> Any:
    kept = ("status", "error", "metrics", "interval", "predictions", "data", "labels", "seed")
    found = [json.loads(file.read_text()) for file in _record_files(folder)]
    assert (folder / "store" / "board.md").exists()
    return [{name: record[name] for name in kept} for record in found]


def _runs(folder: Path) -> dict[str, str]:
    return {file.stem: json.loads(file.read_text())["run"] for file in _record_files(folder)}


def _record_files(folder: Path) -> list[Path]:
    return sorted((folder / "store" / "records").glob("*.json"))


def _free_runs(folder: Path, dead: Sequence[int]) -> None:
    for file in (folder / "store" / "claims").glob("*"):
        os.utime(file, (0, 0))
