"""A process ends as it should, or as it must."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hgl.bench.process import Ended, Limits, run_limited


def run(
    code: str, tmp_path: Path, limits: Limits | None = None, stopped: threading.Event | None = None
) -> Ended | None:
    command = [sys.executable, "-c", code]
    log, stop = tmp_path / "log", stopped or threading.Event()
    return run_limited(command, log, limits or Limits(), stop, dict(os.environ))


def test_one_that_ends_well_is_done(tmp_path: Path) -> None:
    ended = run("print('here')", tmp_path)
    assert ended is not None
    assert (ended.status, ended.error) == ("done", None)
    assert (tmp_path / "log").read_text() == "here\n"


def test_one_that_fails_says_why_without_its_password(tmp_path: Path) -> None:
    code = "import sys; print('error: no postgresql://me:hunter2@host/x'); sys.exit(2)"
    ended = run(code, tmp_path)
    assert ended is not None
    assert (ended.status, ended.error) == ("failed", "no postgresql://me:***@host/x")


def test_one_that_is_killed_failed(tmp_path: Path) -> None:
    ended = run("import os; os.kill(os.getpid(), 9)", tmp_path)
    assert ended is not None
    assert ended.status == "failed"
    assert "SIGKILL" in str(ended.error)


def test_one_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time; time.sleep(4); open({str(mark)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    ended = run(code, tmp_path, Limits(seconds=1))
    assert ended is not None
    assert ended.status == "timeout"
    time.sleep(4)
    assert not mark.exists()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to watch memory in")
def test_one_that_takes_too_much_memory_is_stopped(tmp_path: Path) -> None:
    code = "import time; x = b'x' * 300_000_000; time.sleep(60)"
    ended = run(code, tmp_path, Limits(memory=150 * 2**20))
    assert ended is not None
    assert ended.status == "out of memory"
    assert ended.peak_bytes > 150 * 2**20


def test_one_that_is_stopped_left_nothing(tmp_path: Path) -> None:
    stopped = threading.Event()
    threading.Timer(0.5, stopped.set).start()
    assert run("import time; time.sleep(60)", tmp_path, stopped=stopped) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends it")
def test_it_ends_when_who_started_it_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    child = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        "import os, pathlib, sys, threading; from hgl.bench.process import Limits, run_limited; "
        f"run_limited([sys.executable, '-c', {child!r}], pathlib.Path({str(tmp_path / 'log')!r}), "
        "Limits(), threading.Event(), os.environ)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code])
    while not mark.exists() or not mark.read_text():
        assert starter.poll() is None
        time.sleep(0.05)
    starter.kill()
    starter.wait()
    stat = Path("/proc", mark.read_text(), "stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("it lives")
