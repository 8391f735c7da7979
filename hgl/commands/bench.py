"""`hgl bench`."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table

from hgl.bench.board import Board
from hgl.bench.cell import Cell, Source
from hgl.bench.contender import Contender
from hgl.bench.estimate import Estimate, estimates, total
from hgl.bench.grid import Grid, Runner
from hgl.bench.measure import Bench
from hgl.bench.plan import Plan, chosen, seed_list
from hgl.bench.process import Limits
from hgl.bench.remote import RemoteBench
from hgl.bench.store import Store
from hgl.bench.suite import Suite
from hgl.bench.tuning import draws, tune
from hgl.commands.bench_source import bench_question, bench_source, task_word
from hgl.commands.launcher import Launcher, connect_ray
from hgl.db import times
from hgl.db.cache import disk_errors
from hgl.db.database import Database
from hgl.errors import ConfigError, check_range
from hgl.report.grid_lines import GridLines
from hgl.report.screen import Screen, plain_console
from hgl.train.record import write_text

_POLICIES, _CUTS = ("rolling", "frozen"), ("inclusive", "strict")


def bench(
    *,
    suite: Suite,
    contenders: Mapping[str, Contender],
    db: str | None,
    task: str | None,
    model: str | None,
    policy: str | None,
    cut: str | None,
    seeds: str,
    trials: int,
    words: str | None,
    launcher: Launcher,
    workers: int | None,
    timeout: str | None,
    memory: float | None,
    store: str | None,
    retry: bool,
    dry_run: bool,
) -> None:
    """Compare models on tasks: a grid of runs, each a record that can be run again.

    Runs that have a record are not run again: the same command goes on where it was stopped, and
    several may work on one store. Baselines stand in every table.

    Args:
        suite: tasks, regimes and settings.
        contenders: who may take part, and what tuning may choose of each.
        db: the database, as for hgl train; null takes the suite's.
        task: some of the suite's tasks, such as driver-dnf,driver-top3; null for all.
        model: some contenders beside the baselines, such as rhgnn,latte; null takes the suite's.
        policy: rolling, frozen, or both as rolling,frozen; null takes the suite's.
        cut: inclusive, strict, or both; null takes the suite's.
        seeds: how many, or which as a list such as 0,3,7.
        trials: runs that tuning spends on each contender of each task, the same for all that have
            something to tune; it compares them on validation and never sees test; 0 for none.
        words: more key=value of hgl train for every run, such as "trainer=smoke sampling=smoke".
        launcher: local, or ray: on the machines of the Ray cluster at RAY_ADDRESS, which all see
            this folder, the store and the database; or on one that is started here.
        workers: runs at a time; null for as many as there are cores, which they share; a cluster's
            runs share its cores and GPUs.
        timeout: wall time of one run at most, such as "30 minutes"; null for any.
        memory: resident memory of one run at most, in GB; null for any.
        store: folder of the records; null makes outputs/bench/<suite>.
        retry: also run again what failed.
        dry_run: only show what would be run, and what it would take by what is on record.
    Examples:
        hgl bench
        hgl bench dry_run=true
        hgl bench suite=rel-f1 db=../rel-f1 model=rhgnn,latte seeds=5
        hgl bench model=rgcn seeds=0,7 trials=8 timeout="10 minutes"
        hgl bench launcher=ray store=/shared/bench
    Raises: HglError: a name or number is not known, or data or store are unusable. What goes wrong
        in a run is kept in its record.
        KeyboardInterrupt: Ctrl-C; the same command goes on.
    """
    limits = Limits(
        None if timeout is None else times.duration(timeout),
        None if memory is None else round(memory * 2**30),
    )
    check_range("workers", workers, 1)
    check_range("trials", trials, 0)
    asked = _choices(suite, contenders, task, model, policy, cut)
    numbers, more = seed_list(seeds), shlex.split(words or "")
    runner, hands = _runner(launcher, limits, workers)
    with Screen() as screen:
        source, opened = _source(suite, db, screen)
        questions = [
            bench_question(name, task_word(source.word, name), opened) for name in asked["task"]
        ]
        plan = Plan(
            suite,
            contenders,
            source,
            questions,
            asked["model"],
            asked["policy"],
            asked["cut"],
            numbers,
            more,
        )
        if model is not None and plan.idle:
            tasks = ", ".join(f"{each.name} ({each.kind})" for each in questions)
            raise ConfigError(
                f"model={model!r}: {', '.join(plan.idle)} answers none of {tasks}; expected models "
                "that do, such as idgnn for a recommendation"
            )
        home = Store(Path(store or Path("outputs", "bench", suite.name)))
        grid = Grid(home, runner, GridLines(screen), workers=hands, retry=retry)
        # Its trials are no results; nobody should take them for some.
        aside = Grid(
            Store(home.folder / "tuning"), grid.bench, grid.watcher, workers=hands, retry=retry
        )
        if dry_run:
            _show(plan, home, trials, hands)
            return
        with disk_errors(home.folder), _stoppable():
            home.make()
            choices = tune(plan, aside, trials) if trials else {}
            board = Board.of(grid.run("bench", plan.cells(choices, trials)))
            write_text(home.folder / "board.md", board.markdown())
            write_text(home.folder / "board.csv", board.csv())
    console = plain_console()
    console.print(board.markdown(), soft_wrap=True)
    console.print(f"records, board.md and board.csv are in {home.folder}", soft_wrap=True)


def _runner(launcher: Launcher, limits: Limits, workers: int | None) -> tuple[Runner, int]:
    """What runs a cell, and how many at a time."""
    cores = os.cpu_count() or 1
    if launcher == "ray":
        remote = RemoteBench(connect_ray(max(cores, workers or 1)), limits, workers)
        return remote, remote.workers
    hands = workers or cores
    return Bench(limits, max(1, cores // hands)), hands


@contextmanager
def _stoppable() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, so that no run outlives this process."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _choices(
    suite: Suite,
    contenders: Mapping[str, Contender],
    task: str | None,
    model: str | None,
    policy: str | None,
    cut: str | None,
) -> dict[str, list[str]]:
    regimes = {
        "policy": (policy, suite.policies, _POLICIES),
        "cut": (cut, suite.cuts, _CUTS),
    }
    return {
        "task": chosen("task", task, list(suite.tasks)),
        "model": chosen("model", model or ",".join(suite.models), list(contenders)),
        **{
            name: list(default) if text is None else chosen(name, text, known)
            for name, (text, default, known) in regimes.items()
        },
    }


def _source(suite: Suite, db: str | None, screen: Screen) -> tuple[Source, Database]:
    word = db or suite.db
    if word is None:
        raise ConfigError(
            f"db=null: the data of suite {suite.name} do not come with hgl; expected db=<their "
            "folder>"
        )
    return bench_source(word, screen)


def _show(plan: Plan, store: Store, trials: int, workers: int) -> None:
    """Print what would be run."""
    cells: list[Cell] = plan.cells(trials=trials)
    if trials:
        for base in plan.bases():
            space = plan.contenders[base.contender].space
            cells += plan.trials(base, draws(space, trials, base.id)) if space else []
    tuning = Store(store.folder / "tuning")
    records = [*store.all(), *tuning.all()]
    found = estimates(cells, {record.id: record for record in records}, records)
    seconds, unknown = total(found, workers)
    console = plain_console()
    console.print(_costs(found))
    missing = sum(e.missing for e in found)
    told = f"about {seconds / 60:.0f} minutes with {workers} at a time"
    silent = f"nothing on record tells how long {unknown} of them take"
    said = [*([told] if unknown < missing or not missing else []), *([silent] if unknown else [])]
    console.print(f"{missing} of {len(cells)} runs to do: {'; '.join(said)}", soft_wrap=True)


def _costs(found: Sequence[Estimate]) -> Table:
    table = Table(title="what would be run", title_justify="left")
    for name in ("task", "model"):
        table.add_column(name)
    for name in ("runs", "to do", "s each", "GB"):
        table.add_column(name, justify="right")
    for e in found:
        seconds = "unknown" if e.seconds is None else f"{e.seconds:.0f}"
        memory = "unknown" if e.peak_bytes is None else f"{e.peak_bytes / 2**30:.2f}"
        table.add_row(e.task, e.contender, str(e.cells), str(e.missing), seconds, memory)
    return table
