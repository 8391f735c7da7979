"""A process that may take so much time and memory, and no more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hgl.db.redact import redact
from hgl.errors import ConfigError, check_range
from hgl.results.record import DONE, FAILED, MEMORY, TIMEOUT

_EVERY = 0.2
"""Seconds between two looks."""
_PROC = Path("/proc")
_BOUND = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Runs a command that Linux kills when who started it is gone, so also when that was killed."""
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Limits:
    """What one run may take.

    Attributes:
        seconds: of wall time; None for any.
        memory: bytes resident at once; None for any.
    Raises: ConfigError: a limit is not positive, or memory cannot be watched here.
    """

    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        check_range("seconds", self.seconds, 1)
        check_range("memory", self.memory, 1)
        if self.memory is not None and not (_PROC / "self" / "statm").exists():
            raise ConfigError("memory: expected null, as this system has no /proc to watch it in")


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        status: as a record has it.
        error: why, in one line; None where it is done.
        seconds: wall time.
        peak_bytes: most resident memory seen; 0 where that cannot be seen.
    """

    status: str
    error: str | None
    seconds: float
    peak_bytes: int


def run_limited(
    command: Sequence[str],
    log: Path,
    limits: Limits,
    stopped: threading.Event,
    environment: Mapping[str, str],
) -> Ended | None:
    """Run a command, its output in `log`; whatever it started ends with it, and it with us.

    Args:
        stopped: ends it early; then nothing is returned.
    """
    start, peak = time.monotonic(), 0
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_bound(), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=dict(environment),
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(_EVERY)
                    taken = time.monotonic() - start
                    status, error = (DONE, None) if code == 0 else (FAILED, _reason(code, log))
                    return Ended(status, error, taken, peak)
                taken = time.monotonic() - start
                peak = max(peak, now := sum(map(_resident, _family(process.pid))))
                if stopped.is_set():
                    return None
                if limits.seconds is not None and taken > limits.seconds:
                    return Ended(TIMEOUT, f"stopped after {taken:.0f} seconds", taken, peak)
                if limits.memory is not None and now > limits.memory:
                    return Ended(MEMORY, f"stopped at {now / 2**30:.2f} GB", taken, peak)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _bound() -> list[str]:
    if sys.platform != "linux":
        return []
    return [sys.executable, "-S", "-c", _BOUND, str(os.getpid())]


def _reason(code: int, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line for line in lines if line.startswith("error: ")] or lines[-1:]
    if code < 0:
        killed = f"killed by {signal.Signals(-code).name}"
        return f"{killed}, as by a system out of memory" if code == -signal.SIGKILL else killed
    return redact(said[-1].removeprefix("error: ")) if said else f"ended with code {code}"


def _family(pid: int) -> Iterator[int]:
    """A process and what it started."""
    yield pid
    for file in (_PROC / str(pid) / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in file.read_text().split():
                yield from _family(int(child))


def _resident(pid: int) -> int:
    """Bytes; 0 where it has ended or cannot be seen."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
