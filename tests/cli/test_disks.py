"""Disks that are full or cannot be written, and commands that go on once they can."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from hgl.bench.claim import claim
from hgl.bench.store import Store
from hgl.cli import main
from hgl.errors import ConfigError, SourceError
from tests.cli.shop import SMALL, failure, source, suite_of_one_task
from tests.db.conftest import scratch

FULL = [
    ("ingest", 8),
    ("train", 40),
    ("train", 120),
    ("train", 160),
    ("search", 100),
    ("search", 160),
    ("search", 200),
    ("distill", 300),
]
"""Verbs, and disks that are too small for one of the things that they write, one after another."""
LEFT = {
    "ingest": ["manifest.yaml", "db/order.parquet"],
    "train": ["model.safetensors", "predictions/test.parquet", "metrics.jsonl"],
    "search": ["leaderboard.csv", "graph/searched.yaml"],
    "distill": ["students.json", "artefact/student.onnx"],
}


class Disk:
    """A file system of its own, in memory; skips where none may be mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def mount(self, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "runs")
    yield made
    made.unmount()


@pytest.fixture
def commands(shop: Path, run: Path, tmp_path: Path) -> dict[str, list[str]]:
    """Each verb that takes long, all but where to leave what it makes."""
    search = [*SMALL, "rungs=[[1,1]]", "budget=6", "finalists=1", "final_seeds=1"]
    student = ["seeds=1", "student.max_epochs=3", "student.channels=8", "sources.most=8"]
    return {
        "ingest": [source(shop)[0]],
        "train": [*source(shop), *SMALL, "baselines=false", "resume=true"],
        "search": [*source(shop), *search],
        "distill": [f"run={run}", *student, "resume=true"],
        "bench": [*suite_of_one_task(shop, tmp_path / "conf"), "~contenders.lightgbm-row"],
    }


@pytest.mark.parametrize(("verb", "kilobytes"), FULL)
def test_what_a_full_disk_stopped_goes_on_once_there_is_room(
    verb: str,
    kilobytes: int,
    disk: Disk,
    commands: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([verb, *commands[verb], "out=undisturbed"]) == 0
    disk.mount(f"size={kilobytes}k")
    monkeypatch.setenv("HGL_CACHE", str(disk.folder / "cache"))
    out = disk.folder / "out"
    words = [verb, *commands[verb], f"out={out}"]
    assert "error: disk full while writing" in failure(capsys, 2, *words)
    assert not [*out.rglob("*.part"), *(disk.folder / "cache").rglob("*.part")]
    disk.mount("remount,size=64m")
    assert main(["search", f"join={out}"] if (out / "search.yaml").exists() else words) == 0
    for name in LEFT[verb]:
        assert content(out / name) == content(Path("undisturbed", name))


@pytest.mark.parametrize(("verb", "kilobytes"), [("search", 24), ("bench", 12)])
def test_a_full_disk_is_no_result_though_there_is_room_to_keep_one(
    verb: str,
    kilobytes: int,
    disk: Disk,
    commands: dict[str, list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What fills the disk are a trial's checkpoints, and the folder of a run."""
    disk.mount(f"size={kilobytes}k")
    out = disk.folder / "out"
    words = [verb, *commands[verb]]
    words += ["store=."] if verb == "bench" else ["store=trials", f"out={out}"]
    assert "error: disk full while writing" in failure(capsys, 2, *words)
    disk.mount("remount,size=64m")
    assert main(words if verb == "bench" else ["search", f"join={out}"]) == 0
    board = pd.read_csv("board.csv" if verb == "bench" else out / "leaderboard.csv")
    assert not board.get("failed", board.get("error")).any()


def test_a_claim_that_could_not_be_written_is_none(disk: Disk) -> None:
    disk.mount("size=4k")
    (disk.folder / "other").write_bytes(bytes(4096))
    with pytest.raises(SourceError, match="No space left"):
        claim(disk.folder, "run")
    disk.mount("remount,size=64k")
    assert claim(disk.folder, "run")


def content(file: Path) -> bytes | str:
    """What a file says, but for what it took."""
    if file.suffix != ".csv":
        return file.read_bytes()
    took = ["seconds", "peak_bytes", "records"]
    return pd.read_csv(file).drop(columns=took, errors="ignore").to_csv()


def test_a_folder_on_a_read_only_disk_is_named(
    disk: Disk, shop: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk.mount("size=64k,ro")
    out = f"out={disk.folder / 'x'}"
    for words in (
        ["ingest", source(shop)[0], out],
        ["train", *source(shop), *SMALL, out],
        ["search", *source(shop), out],
        ["distill", f"run={run}", out],
        ["predict", f"run={run}", "at=2020-03-01", f"{out}.csv"],
        ["report", f"runs={run}", f"{out}.html"],
    ):
        line = failure(capsys, 2, *words)
        assert "cannot be written (Read-only file system)" in line
        assert str(disk.folder / "x") in line
    with pytest.raises(ConfigError, match="Read-only file system"):
        Store(disk.folder / "x").make()


def test_a_read_only_cache_is_enough_to_read_and_named_where_it_is_not(
    disk: Disk,
    shop: Path,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk.mount("size=64m")
    (disk.folder / "empty").mkdir()
    monkeypatch.setenv("HGL_CACHE", str(disk.folder / "full"))
    words = ["train", *source(shop), *SMALL, "baselines=false"]
    assert main([*words, "out=first"]) == 0
    disk.mount("remount,ro")
    assert main([*words, "out=trained"]) == 0
    assert (
        Path("trained/model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    )
    monkeypatch.setenv("HGL_CACHE", str(disk.folder / "empty"))
    said = f"cache folder {disk.folder / 'empty'} cannot be written (Read-only file system)"
    assert said in failure(capsys, 2, *words, "out=other")
    with scratch("postgresql", tmp_path) as url:
        assert said in failure(capsys, 2, "ingest", f"db={url}")
