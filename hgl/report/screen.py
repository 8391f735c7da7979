"""What a running command shows: bars that come and go on a terminal, lines that stay anywhere."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

_LOGGER = logging.getLogger("hgl")


def plain_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console that shows names as they are: no markup, no emoji, no colouring of numbers.

    FORCE_COLOR, which Jupyter sets for every command, does not make a terminal of a file.
    """
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        quiet=quiet,
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
    )


class Screen:
    """Standard error while a command runs, log lines of hgl included; used as a context.

    Args:
        quiet: show nothing (every process but the first under torchrun).
        console: where to write; standard error by default.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or plain_console(stderr=True, quiet=quiet)
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal or quiet,
        )

    def __enter__(self) -> Screen:
        self._lines = _Lines(self)
        _LOGGER.addHandler(self._lines)
        _LOGGER.setLevel(logging.INFO)
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()
        _LOGGER.removeHandler(self._lines)

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self.console.print(line, soft_wrap=True)

    def bar(self, description: str, total: int | None) -> TaskID:
        """Draw a bar of `total` steps; None: nobody knows how many."""
        return self.bars.add_task(description, total=total)


class _Lines(logging.Handler):
    """Log records as lines of a screen, so that they do not tear its bars."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        mark = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        self.screen.say(f"{mark}{record.getMessage()}")


class PhaseBars:
    """Shows a run: implements `hgl.train.watcher.Watcher`, and hears of each phase."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._bar: TaskID | None = None

    def phase(self, name: str) -> None:
        """A phase of unknown length begins."""
        self._draw(name, None)
        if self.screen.bars.disable:
            self.screen.say(f"{name} …")

    def start(self, phase: str, steps: int) -> None:
        """A pass over `steps` batches begins."""
        self._draw(phase, steps)

    def step(self, loss: float | None) -> None:
        """A batch is done."""
        if self._bar is not None:
            self.screen.bars.advance(self._bar)

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done: one line with its loss and scores."""
        shown = [f"{k} {v:.4f}" for k, v in row.items() if isinstance(v, float) and k != "lr"]
        self.screen.say(f"epoch {row['epoch']}: {', '.join(shown)}")

    def _draw(self, name: str, steps: int | None) -> None:
        if self._bar is not None:
            self.screen.bars.remove_task(self._bar)
        self._bar = self.screen.bar(name, steps)


class TableBars:
    """Shows an ingest, one bar per table: implements `hgl.db.progress.Progress`."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._bars: dict[str, TaskID] = {}
        self._rows: dict[str, int] = {}

    def start(self, table: str, total: int | None) -> None:
        """Reading `table` begins; `total` rows are expected."""
        self._rows[table] = 0
        self._bars[table] = self.screen.bar(table, total)

    def advance(self, table: str, rows: int) -> None:
        """`rows` more rows are stored."""
        self._rows[table] += rows
        self.screen.bars.advance(self._bars[table], rows)

    def finish(self, table: str) -> None:
        """`table` is whole."""
        self.screen.bars.remove_task(self._bars.pop(table))
        self.screen.say(f"read {table}: {self._rows[table]:,} rows")
