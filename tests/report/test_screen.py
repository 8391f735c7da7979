"""Lines stay, bars do not, and nothing is shown by a process that should be quiet."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from hgl.report.screen import PhaseBars, Screen, TableBars, plain_console


def watch(screen: Screen) -> None:
    bars = PhaseBars(screen)
    bars.phase("labels")
    for epoch in range(2):
        bars.start(f"epoch {epoch}", 3)
        for _ in range(3):
            bars.step(0.5)
        bars.epoch({"epoch": epoch, "train_loss": 0.5, "val_mae": 2.0, "lr": 0.01})
    tables = TableBars(screen)
    for table, total in (("[a] :smile:", 7), ("b", None)):
        tables.start(table, total)
        tables.advance(table, 3)
        tables.advance(table, 4)
        tables.finish(table)
    logging.getLogger("hgl.somewhere").warning("one [odd] thing")
    logging.getLogger("hgl.somewhere").info("by the way")


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    drawn = Console(
        file=text, force_terminal=terminal, markup=False, emoji=False, highlight=False, width=60
    )
    return drawn, text


def test_without_a_terminal_there_are_only_lines() -> None:
    drawn, text = console(terminal=False)
    with Screen(console=drawn) as screen:
        watch(screen)
    assert text.getvalue().splitlines() == [
        "labels …",
        "epoch 0: train_loss 0.5000, val_mae 2.0000",
        "epoch 1: train_loss 0.5000, val_mae 2.0000",
        "read [a] :smile:: 7 rows",
        "read b: 7 rows",
        "warning: one [odd] thing",
        "by the way",
    ]


def test_a_terminal_shows_bars_and_the_same_lines() -> None:
    drawn, text = console(terminal=True)
    with Screen(console=drawn) as screen:
        watch(screen)
    shown = text.getvalue()
    assert "labels …" not in shown
    assert "epoch 1: train_loss 0.5000, val_mae 2.0000" in shown
    assert "read [a] :smile:: 7 rows" in shown


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(quiet=True) as screen:
        watch(screen)
    assert capsys.readouterr() == ("", "")


def test_log_lines_stop_with_the_screen() -> None:
    handlers = list(logging.getLogger("hgl").handlers)
    with Screen(quiet=True):
        assert len(logging.getLogger("hgl").handlers) == len(handlers) + 1
    assert logging.getLogger("hgl").handlers == handlers


def test_a_forced_colour_does_not_make_a_terminal_of_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Jupyter sets FORCE_COLOR for the commands of a cell, whose output is a pipe."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Screen(console=plain_console(stderr=True)) as screen:
        watch(screen)
    assert "\x1b" not in capsys.readouterr().err
