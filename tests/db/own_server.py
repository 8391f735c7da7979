"""Database servers of a test's own, which may be restarted."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy

from tests.db.conftest import engine


class Server(ABC):
    """A server whose data lie in a folder; it runs once `start` has returned.

    Attributes:
        user: who owns the folder and runs the server where we are root, which it refuses to be.
        needs: its programs.
        url: of an empty database.
    """

    user: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    url: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """As a crash would: no connection is let finish."""

    def restart(self) -> None:
        """Crash, and start again."""
        self.stop()
        self.start()

    def spawn(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        """Start one of its programs."""
        owner = self.user if os.geteuid() == 0 else None
        command = [programs(self.needs)[program], *words]
        silent = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.folder, user=owner, stdout=silent, stderr=silent)

    def run(self, program: str, *words: str) -> None:
        """Run one of its programs."""
        assert self.spawn(program, *words).wait(120) == 0, program


class PostgreSQL(Server):
    """One that `pg_ctl` starts and stops."""

    user, needs = "postgres", ("initdb", "pg_ctl")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-D", "data", "-U", "postgres", "--no-sync", "-A", "trust")

    def start(self) -> None:
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", settings, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")


class MariaDB(Server):
    """One that is a child of ours."""

    user, needs = "mysql", ("mariadb-install-db", "mariadbd")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"mysql://root@127.0.0.1:{self.port}/test"
        self.data = ("--no-defaults", f"--datadir={folder / 'data'}")
        self.run("mariadb-install-db", *self.data, "--auth-root-authentication-method=normal")

    def start(self) -> None:
        place = (f"--port={self.port}", "--bind-address=127.0.0.1")
        self.process = self.spawn("mariadbd", *self.data, *place, f"--socket={self.folder / 's'}")
        deadline = time.monotonic() + 120
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(sqlalchemy.exc.OperationalError), engine(self.url).connect():
                return
            time.sleep(0.1)
        self.stop()
        raise AssertionError("mariadbd does not answer")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def programs(needs: tuple[str, ...]) -> dict[str, str]:
    """Where a server's programs are; skips where they are not."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), "/usr/sbin"]
    where = os.pathsep.join([os.environ["PATH"], *map(str, folders)])
    found = {name: shutil.which(name, path=where) for name in needs}
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"no {missing[0]} here to start a server with")
    return {name: str(path) for name, path in found.items()}


@contextlib.contextmanager
def own_server(kind: type[Server]) -> Iterator[Server]:
    """Run a server; skip where that is not possible."""
    programs(kind.needs)
    folder = Path(tempfile.mkdtemp())  # not pytest's, which only its owner may enter
    try:
        if os.geteuid() == 0:
            try:
                shutil.chown(folder, kind.user)
            except LookupError:
                pytest.skip(f"root may not run {kind.__name__}, and there is no user {kind.user}")
        server = kind(folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
