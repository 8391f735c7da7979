"""`hgl search`."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hgl.commands.folder import StoredRun, fresh, keep_task, vacant
from hgl.commands.source import check_entity_task, open_database, task_name
from hgl.commands.target import build
from hgl.db.cache import digest, disk_errors
from hgl.db.database import Database
from hgl.db.redact import HIDDEN
from hgl.errors import ConfigError, HglError, check_range
from hgl.report.screen import Screen, TableBars, plain_console
from hgl.search.effort import Effort
from hgl.search.method import Method
from hgl.search.plan import SearchPlan
from hgl.search.progress import SearchLines
from hgl.search.report import Result, held_out_verdict, verdict, write_report
from hgl.search.store import TrialStore
from hgl.tasks.metrics import METRICS
from hgl.tasks.task import Task
from hgl.train.distributed import join_world
from hgl.train.record import write_yaml
from hgl.train.run import Experiment, ModelFactory, Sampling
from hgl.train.trainer import Trainer
from hgl.typing import Cut, Policy

_SETTINGS = ("model", "trainer", "sampling", "policy", "cut", "validate_frozen", "history")
"""What a trial's result depends on beside data, task, graph, epochs and seed."""
_EFFORT = ("rungs", "budget", "finalists", "final_seeds", "supernet")
_BY_TRIAL = {"max_epochs", "seed"}
"""Settings of the trainer that each trial has its own of."""
_SPAWN = multiprocessing.get_context("spawn")
_NEEDED = {"db", "manifest", "store", *_SETTINGS, *_EFFORT, "method", "seed"}


def search(
    *,
    db: str,
    task: str | None,
    manifest: str | None,
    model: ModelFactory,
    trainer: Callable[..., Trainer],
    sampling: Sampling,
    method: Callable[..., Method],
    policy: Policy,
    cut: Cut | None,
    validate_frozen: bool,
    history: bool,
    budget: float,
    rungs: tuple[tuple[int, int], ...],
    finalists: int,
    final_seeds: int,
    supernet: int,
    seed: int,
    workers: int,
    store: str | None,
    out: str | None,
    join: str | None,
    trust: bool,
    config: Mapping[str, Any],
) -> None:
    """Search for the best way to draw a database as a graph for a task.

    Each table is rows as nodes, edges (where it has exactly two foreign keys and none refers to
    it) or left out, and each foreign key is kept or not (RDB2G-Bench, arXiv:2506.01360). Graphs
    are compared on validation; test is looked at once, for the one chosen and for all rows as
    nodes.

    Args:
        db: a SQLAlchemy URL, a folder, a bundled database (flights, baseball), or relbench:<name>.
        task: a task file (YAML), a RelBench task (its folder, or its name in the dataset), or a
            bundled task; null takes the first one of a bundled database.
        manifest: YAML file that states keys, time columns or column types, as for hgl ingest.
        model: what is trained on each graph.
        trainer: how it is trained; its max_epochs and seed do not matter.
        sampling: how neighbourhoods are drawn, the same for every graph.
        method: what decides which graphs to try.
        policy: frozen ends the database at the test timestamp, rolling lets each seed see what
            precedes it.
        cut: inclusive admits rows at the seed time, strict only earlier ones; null is strict for a
            task that completes a column, else inclusive.
        validate_frozen: under the frozen policy, also end the database at the validation timestamp
            for validation.
        history: draw the task's own past answers as one more table.
        budget: full trainings in all; a shorter one counts in proportion to its epochs.
        rungs: pairs of epochs and seeds that a graph may be trained for, ascending; the last is
            the full training. Methods that know no short trainings use the last one only.
        finalists: how many of the best graphs are trained with all final seeds and compared again.
        final_seeds: trainings of each finalist, and of all rows as nodes.
        supernet: epochs of a network that is trained on all graphs at once, whose scores the
            methods surrogate and halving then begin with; 0 for none.
        seed: of the method.
        workers: processes that run trials here.
        store: file (SQLite) or URL (SQLite, PostgreSQL) of trials, which searches may share; null
            keeps them in the search's folder.
        out: folder of the search; null makes outputs/<database>-<task>-search/<time>.
        join: folder of a search to go on with, or to work at beside others on any machine that
            shares its folder and store; all settings but store and workers are its own.
        trust: with join=…, also build classes outside hgl that its configuration names.
        config: the whole configuration, kept in the folder; must hold no secret.
    Examples:
        hgl search
        hgl search workers=2 budget=40 method=halving "rungs=[[1,1],[3,1]]"
        hgl search db=../shop task=late.yaml store=postgresql://user@host/trials
        hgl search join=outputs/flights-plane-late-search/2026-11-24_09-30-00
    Raises: HglError: database, task, store or settings are unusable, or every graph failed.
        KeyboardInterrupt: Ctrl-C stopped the search; join=<folder> goes on with it.
    """
    check_range("workers", workers, 1)
    effort = Effort(rungs, budget, finalists, final_seeds, supernet)
    parts: dict[str, Any] = {
        "model": model,
        "trainer": trainer,
        "sampling": sampling,
        "policy": policy,
        "cut": cut,
        "validate_frozen": validate_frozen,
        "history": history,
        "method": method,
        "seed": seed,
        "effort": effort,
    }
    if store is not None:
        TrialStore(store)
    with Screen() as screen:
        tables = TableBars(screen)
        if join is None:
            asked = Task.load(task_name(db, task))
            folder = vacant(out, asked, hint="; join=<folder> goes on with a search")
            check_entity_task(asked, "search")
            database = open_database(db, manifest=manifest, progress=tables)
            folder = folder or fresh(f"{database.schema.name}-{asked.name}-search", join_world())
            keep_task(asked, folder)
            _keep(folder, config, database)
        else:
            stored = StoredRun.read(join, "search", _NEEDED)
            folder, asked, config = stored.folder, stored.task(), stored.config
            database = stored.open(db if HIDDEN in config["db"] else None, tables)
            parts = {n: build(config[n], trusted=trust) for n in (*_SETTINGS, "method", "seed")}
            parts["effort"] = Effort(**{name: config[name] for name in _EFFORT})
            store = store or config["store"]
        plan = _plan(folder, database, asked, parts, _where(folder, store), config)
        result = _conduct(plan, workers, screen)
        options = [f"db={config['db']}", *([f"task={config['task']}"] if config["task"] else [])]
        report = write_report(folder, result, options=options)
    console = plain_console()
    for line in (*verdict(result), held_out_verdict(result), f"the report is {report}"):
        console.print(line, soft_wrap=True)


def _conduct(plan: SearchPlan, workers: int, screen: Screen) -> Result:
    # Most trials go on from a shorter one; a line for each would hide the others.
    logging.getLogger("hgl.train.trainer").setLevel(logging.WARNING)
    metric = plan.experiment.task.metric
    sign = METRICS[metric].sign
    lines = SearchLines(screen.say, plan.effort.budget, workers, metric, sign)
    with disk_errors(plan.folder):
        with _helping(plan, workers - 1):
            worker, result = plan.conduct(lines)
        return plan.hold_out(worker, result)


def _plan(
    folder: Path,
    database: Database,
    task: Task,
    parts: Mapping[str, Any],
    where: str,
    config: Mapping[str, Any],
) -> SearchPlan:
    trained = {name: parts[name] for name in _SETTINGS if name != "trainer"}
    trainer = parts["trainer"]
    settings = {name: config[name] for name in _SETTINGS}
    settings["trainer"] = {k: v for k, v in config["trainer"].items() if k not in _BY_TRIAL}
    return SearchPlan(
        experiment=Experiment(db=database, task=task, trainer=trainer(), **trained),
        settings=digest(settings),
        where=where,
        folder=folder,
        name=f"{database.schema.name}-{task.name}/{folder.name}",
        **{name: parts[name] for name in ("trainer", "method", "seed", "effort")},
    )


def _keep(folder: Path, config: Mapping[str, Any], database: Database) -> None:
    notes = {
        "config": dict(config),
        "database": {
            "name": database.schema.name,
            "fingerprint": database.fingerprint,
            "folder": str(database.folder.absolute()),
        },
    }
    with disk_errors(folder):
        write_yaml(folder / "search.yaml", notes)


def _where(folder: Path, store: str | None) -> str:
    if store is not None and HIDDEN in store:
        raise ConfigError(
            f"join={str(folder)!r}: the password of its store {store} is not kept: give "
            "store=<url> again"
        )
    return store or str(folder / "trials.sqlite")


@contextmanager
def _helping(plan: SearchPlan, count: int) -> Iterator[None]:
    """Let more processes work at a search; those that are left stop when this one is done."""
    crew = [_SPAWN.Process(target=_help, args=(plan,), daemon=True) for _ in range(count)]
    for process in crew:
        process.start()
    try:
        yield
    finally:
        for process in crew:
            process.terminate()
            process.join()


def _help(plan: SearchPlan) -> None:
    """What a further process does: the search, silently; the first one tells what went wrong."""
    # Not SIGINT, which a command in the background ignores, and its children with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, HglError):
        plan.conduct(lambda scored: None)


def _end_with_parent() -> None:
    """Stop this process, its trial given back, when who started it is gone: also when killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
