"""DuckDB connections as hgl wants them, and the few pieces of SQL text every query needs."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from hgl.db.cache import cache_folder, swept

_SHARE = "50%"
"""Of the memory that this process may have, which DuckDB's own 80 % would leave too little of."""
_AGAIN = 0.1
"""Seconds between interrupts: one that comes while a statement is prepared is forgotten."""


def connect(memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection in UTC that spills under the cache and downloads nothing."""
    spill = cache_folder() / "spill"
    with contextlib.suppress(OSError):  # an unwritable cache matters only once something spills
        swept(spill)
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(spill / uuid.uuid4().hex),
        "memory_limit": memory_limit or _SHARE,
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    with contextlib.suppress(duckdb.InvalidInputException):  # Jupyter without ipywidgets has no bar
        connection.execute("SET enable_progress_bar = false")
    return connection


@contextlib.contextmanager
def deadline(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Stop what the connection runs in the block after so many seconds.

    Raises: TimeoutError: it was stopped.
    """
    done = threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            connection.interrupt()
            wait = _AGAIN

    watcher = threading.Thread(target=watch, name="hgl-deadline", daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.InterruptException:
        raise TimeoutError from None
    finally:
        done.set()
        watcher.join()


def identifier(name: str) -> str:
    """Return `name` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Return `text` quoted as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def names(columns: Iterable[str], table: str = "") -> str:
    """Return a list of quoted columns, each qualified by the alias `table` when given."""
    prefix = f"{table}." if table else ""
    return ", ".join(prefix + identifier(c) for c in columns)


def parquet(files: Iterable[Path]) -> str:
    """Return a table expression that reads `files` in the order given."""
    # A glob character in a path would be expanded; a bracketed one stands for itself.
    escaped = (str(f).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for f in files)
    return f"read_parquet([{', '.join(literal(f) for f in escaped)}])"


def described(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """Return column names and DuckDB types of a table expression, in order."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return {name: kind for name, kind, *_ in rows}
