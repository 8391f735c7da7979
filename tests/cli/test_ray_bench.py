"""`hgl bench launcher=ray`: on two workers of a Ray cluster, runs are what they are without it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from hgl.bench.process import Limits
from hgl.bench.remote import RemoteBench
from hgl.bench.store import Store
from hgl.cli import main
from hgl.errors import SourceError
from hgl.results.record import Record
from tests.bench.made import CELL
from tests.cli.shop import failure, source

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own
on_workers = pytest.mark.usefixtures("_two_workers")


def remote(workers: int | None = None) -> RemoteBench:
    import ray

    return RemoteBench(ray, Limits(), workers)


def running(word: str) -> Iterator[int]:
    """Processes of `hgl train` that were given this word."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "train" in words and any(word in each for each in words):
            yield int(file.parent.name)


def once_running(word: str, act: Callable[[int], None]) -> threading.Thread:
    """Do something to a run, from a thread, as soon as there is one."""

    def wait() -> None:
        for _ in range(2000):
            for pid in running(word):
                act(pid)
                return
            time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def kill_worker(run: int) -> None:
    fields = Path(f"/proc/{run}/stat").read_text().rpartition(")")[2].split()
    worker = int(fields[1])
    assert Path(f"/proc/{worker}/cmdline").read_text().startswith("ray::")
    os.kill(worker, signal.SIGKILL)


@on_workers
def test_ctrl_c_ends_every_run_and_the_same_command_goes_on(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, task = (word.partition("=")[2] for word in source(shop))
    suite = {"_target_": "hgl.bench.suite.Suite", "name": "shop", "db": database}
    suite |= {"tasks": {task: {}}, "models": ["constant"]}
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "shop.yaml").write_text(yaml.safe_dump(suite))
    dropped = [f"~contenders.{name}" for name in ("history", "lightgbm", "mlp", "sage")]
    words = ["bench", "--config-dir", str(tmp_path), "suite=shop", "seeds=1", *dropped]
    words += ["launcher=ray", "store=shared"]
    thread = once_running("shared", lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert main(words) == 130
    thread.join()
    assert not list(running("shared"))
    assert not list(Path("shared", "records").iterdir())
    assert not list(Path("shared", "claims").iterdir())
    assert main(words) == 0
    found = [Record.read(path) for path in Path("shared", "records").iterdir()]
    assert {(r.model, r.status, r.error) for r in found} == {
        ("constant", "done", None),
        ("lightgbm-row", "done", None),
    }
    assert all(Path("shared", r.run, "results.yaml").is_file() for r in found)
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().err.count("(on record)") == 2


@on_workers
def test_a_worker_that_dies_leaves_a_failure_and_no_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    folder = store.new_run(CELL.id)
    thread = once_running(str(folder), kill_worker)
    record = remote().run(CELL, folder, store.folder, threading.Event())
    thread.join()
    assert record is not None
    assert record.status == "failed"
    assert "lost with its Ray worker: The worker died" in str(record.error)
    for _ in range(100):
        if not list(running(str(folder))):
            return
        time.sleep(0.05)
    pytest.fail("hgl train outlived its worker")


@on_workers
def test_a_store_that_a_worker_cannot_write_ends_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "absent" / "run"
    with pytest.raises(SourceError, match=r"launcher='ray', late sage .*No such file"):
        remote().run(CELL, folder, tmp_path, threading.Event())


@on_workers
def test_runs_share_the_cores_of_the_cluster() -> None:
    assert (remote().workers, remote().cpus) == (2, 1)
    assert (remote(1).workers, remote(1).cpus) == (1, 2)
    assert (remote(5).workers, remote(5).cpus) == (5, 1)
    assert remote().gpus == 0


def test_without_ray_one_line_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'hgl-rdl[ray]'" in failure(capsys, 2, "bench", "launcher=ray")
    assert not Path("outputs").exists()


def test_an_unknown_launcher_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected local or ray" in failure(capsys, 2, "bench", "launcher=dask")
