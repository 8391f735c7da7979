"""Disks that are full or cannot be written, and commands that go on once they can."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hgl.bench.store import Store
from hgl.cli import main
from hgl.errors import ConfigError
from tests.cli.shop import SMALL, failure, source
from tests.db.conftest import scratch


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
    made = Disk(tmp_path / "disk")
    yield made
    made.unmount()


@pytest.mark.parametrize("kilobytes", [40, 120, 160])
def test_what_a_full_disk_stopped_goes_on_once_there_is_room(
    kilobytes: int,
    disk: Disk,
    shop: Path,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the cache's database, its graph, or the run's folder."""
    disk.mount(f"size={kilobytes}k")
    monkeypatch.setenv("HGL_CACHE", str(disk.folder / "cache"))
    words = ["train", *source(shop), *SMALL, "baselines=false", "resume=true"]
    words += [f"out={disk.folder / 'run'}"]
    assert "error: disk full while writing" in failure(capsys, 2, *words)
    assert not list(disk.folder.rglob("*.part"))
    disk.mount("remount,size=64m")
    assert main(words) == 0
    for name in ("model.safetensors", "predictions/test.parquet", "metrics.jsonl"):
        assert (disk.folder / "run" / name).read_bytes() == (run / name).read_bytes()


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
