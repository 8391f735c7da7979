"""Commands of hgl that start at once: forked from a process that has imported everything.

A process of Python takes seconds to import PyTorch, which would be most of what a script of many
short runs waits for. `launcher` stands in for `sys.executable`, so that what these commands start
themselves comes from here, too, be it a command or a worker that multiprocessing spawns. It passes
SIGTERM on to its process, which is killed where the launcher is.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from io import FileIO
from multiprocessing.spawn import spawn_main
from pathlib import Path
from typing import Any

from hgl.cli import main

for _verb in ("bench", "distill", "ingest", "search", "train"):
    importlib.import_module(f"hgl.commands.{_verb}")

_CLIENT = """
import json, os, re, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    spawned = sys.argv[-1] == "--multiprocessing-fork"
    pipes = dict(re.findall(r"(\\w+)=(\\d+)", sys.argv[-2])) if spawned else {}
    asked = {"words": sys.argv[4:], "pipes": [*pipes], "cwd": os.getcwd(), "env": {**os.environ}}
    files = [1, 2, *map(int, pipes.values())]
    socket.send_fds(server, [json.dumps(asked).encode() + b"\\n"], files)
    lines = server.makefile()
    pid = int(lines.readline())
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    sys.exit(int(lines.readline()))
"""
"""Asks the server for what follows `-m hgl`, or for a worker at the pipes it names, and waits."""
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class ForkServer:
    """One process that forks others; used as a context.

    Args:
        folder: receives the socket and the launcher.
    """

    def __init__(self, folder: Path) -> None:
        self._place = str(folder / "socket")
        self.launcher = folder / "python"
        client = folder / "client.py"
        client.write_text(_CLIENT)
        self.launcher.write_text(
            f'#!/bin/sh\ncase "$*" in "-m hgl "* | *" --multiprocessing-fork")\n'
            f'exec {sys.executable} -S {client} {self._place} "$@";; esac\n'
            f'exec {sys.executable} "$@"\n'
        )
        self.launcher.chmod(0o755)
        self.pid = 0

    def __enter__(self) -> ForkServer:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self._place)
        listener.listen()
        self.pid = os.fork()
        if not self.pid:
            sys.executable = str(self.launcher)
            multiprocessing.set_executable(sys.executable)
            _serve(listener)
        listener.close()
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def run(self, words: Sequence[str], cwd: Path, log: Path, **more: str) -> Forked:
        """Start `hgl <words>`.

        Args:
            log: what it prints is added to it.
            more: of its environment.
        """
        client = socket.socket(socket.AF_UNIX)
        client.connect(self._place)
        environment = {**os.environ, **more}
        asked = {"words": [*words], "pipes": [], "cwd": str(cwd), "env": environment}
        with log.open("a") as output:
            files = [output.fileno()] * 2
            socket.send_fds(client, [json.dumps(asked).encode() + b"\n"], files)
        return Forked(client)

    def others(self, known: Sequence[Forked]) -> Iterator[Child]:
        """What else of its processes lives."""
        for pid in self.cpu().keys() - {process.pid for process in known}:
            with contextlib.suppress(ProcessLookupError):
                yield Child(pid)

    def cpu(self) -> dict[int, float]:
        """Seconds of processor time of each process that it started and that lives."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        found = {}
        for child in children:
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                found[int(child)] = (int(fields[11]) + int(fields[12])) * _TICK
        return found


class Forked:
    """A process of the server's."""

    def __init__(self, client: socket.socket) -> None:
        self._client, self._said = client, client.makefile()
        self.pid = int(self._said.readline())
        self.code: int | None = None

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, or does within so many seconds."""
        if self.code is None:
            if not _readable(self._client, seconds):
                return False
            self.code = int(self._said.readline() or -signal.SIGKILL)
            self._client.close()
        return True

    def kill(self) -> None:
        """Send SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Child:
    """A process of the server's that another one asked for, which alone learns its code.

    Raises: ProcessLookupError: it has ended.
    """

    def __init__(self, pid: int) -> None:
        self._handle = os.fdopen(os.pidfd_open(pid), "rb", buffering=0)
        self.pid = pid
        self.code: int | None = None
        """As of a `Forked`, if we killed it."""

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, or does within so many seconds."""
        return _readable(self._handle, seconds)

    def kill(self) -> None:
        """Send SIGKILL."""
        if not self.ended(0):
            signal.pidfd_send_signal(self._handle.fileno(), signal.SIGKILL)
            self.code = -signal.SIGKILL


def _readable(file: socket.socket | FileIO, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def _serve(listener: socket.socket) -> None:
    """Fork whatever is asked for; who hangs up has its process killed."""
    running: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select(0.01):
            if key.fileobj is listener:
                client = listener.accept()[0]
                running[_fork(client)] = client
                selector.register(client, selectors.EVENT_READ)
            else:
                selector.unregister(key.fileobj)
                for pid in [pid for pid, client in running.items() if client is key.fileobj]:
                    os.kill(pid, signal.SIGKILL)
        while running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            client = running.pop(ended[0])
            with contextlib.suppress(OSError):
                client.sendall(f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
            with contextlib.suppress(KeyError):
                selector.unregister(client)
            client.close()


def _fork(client: socket.socket) -> int:
    text, files, _, _ = socket.recv_fds(client, 1 << 20, 4)
    while not text.endswith(b"\n"):
        text += client.recv(1 << 20)
    pid = os.fork()
    if pid:
        for file in files:
            os.close(file)
        with contextlib.suppress(OSError):  # It was killed meanwhile, and its process will be.
            client.sendall(f"{pid}\n".encode())
        return pid
    for number, file in enumerate(files[:2], 1):
        os.dup2(file, number)
    code = 1
    try:
        code = _run(json.loads(text), files[2:])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(asked: dict[str, Any], pipes: Sequence[int]) -> int:
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    if not pipes:
        return main(asked["words"])
    sys.argv = ["-c", "--multiprocessing-fork"]
    with contextlib.suppress(SystemExit):
        spawn_main(**dict(zip(asked["pipes"], pipes, strict=True)))
    return 0
