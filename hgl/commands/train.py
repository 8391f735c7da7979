"""`hgl train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from hgl.commands.folder import fresh, keep_task, reclaim, vacant
from hgl.commands.source import open_database, task_name
from hgl.db.cache import disk_errors
from hgl.errors import ConfigError
from hgl.graph.spec import GraphSpec
from hgl.report.curve import save_curve
from hgl.report.screen import PhaseBars, Screen, TableBars
from hgl.report.summary import show_run
from hgl.report.tables import Scores
from hgl.tabular.asked import TableModel
from hgl.tasks.baselines import baselines as fit_baselines
from hgl.tasks.task import Task
from hgl.train.distributed import join_world, leave_world
from hgl.train.learner import Learner
from hgl.train.outcome import Outcome
from hgl.train.phases import Phases
from hgl.train.predictions import score
from hgl.train.record import write_text
from hgl.train.run import ModelFactory, Sampling
from hgl.train.trainer import Trainer
from hgl.typing import Cut, Policy

_GOES_ON = "; resume=true goes on with a run"


def train(
    *,
    db: str,
    task: str | None,
    manifest: str | None,
    model: ModelFactory | TableModel,
    learner: Callable[..., Learner],
    trainer: Callable[..., Trainer],
    sampling: Sampling,
    graph: GraphSpec,
    policy: Policy,
    cut: Cut | None,
    validate_frozen: bool,
    history: bool,
    columns: int | None,
    out: str | None,
    resume: bool,
    baselines: bool,
    test: bool,
    config: Mapping[str, Any],
) -> None:
    """Train a model on a task of a database and compare it with baselines.

    Args:
        db: a SQLAlchemy URL, a folder (of Parquet or CSV files, from hgl ingest, or of a RelBench
            dataset), a bundled database (flights, baseball), or relbench:<name> for a hosted one.
        task: a task file (YAML), a RelBench task (its folder, or its name in the dataset), or a
            bundled task; null takes the first one of a bundled database.
        manifest: YAML file that states keys, time columns or column types, as for hgl ingest.
        model: what is trained: a graph network, or a model of columns (lightgbm, lightgbm-row, mlp,
            history, constant).
        learner: what runs it; each model brings its own.
        trainer: how it is trained.
        sampling: how neighbourhoods are drawn.
        graph: which tables and foreign keys make the graph.
        policy: frozen ends the database at the test timestamp, as RelBench does; rolling lets each
            seed see what precedes it.
        cut: inclusive admits rows at the seed time, strict only earlier ones; null is strict for a
            task that completes a column, else inclusive.
        validate_frozen: under the frozen policy, also end the database at the validation timestamp
            for validation, so that the epoch is chosen for what the test will ask; RelBench: false.
        history: draw the task's own past answers as one more table; each is visible to seeds from
            when its window has ended.
        columns: how many of the columns that hgl distill would compute (aggregates of each seed's
            past, chosen on validation) the network reads as well; null for none.
        out: folder of the run; null makes outputs/<database>-<task>/<time>.
        resume: go on with the run in out=…, given the same options; begin where none has begun.
        baselines: also score a constant, the entity's own history, and LightGBM on its row; of a
            recommendation task popularity, past visits, and LightGBM on pairs.
        test: look at the test split, once, at the end; false leaves its labels unread, and needs
            baselines=false.
        config: the whole configuration, kept in the run's folder; must hold no secret.
    Examples:
        hgl train
        hgl train trainer=smoke sampling=smoke
        hgl train model=lightgbm
        hgl train db=postgresql://user@host/shop task=late.yaml model.channels=64
        hgl train -m trainer.seed=0,1,2
        torchrun --nproc-per-node=2 -m hgl train
    Raises: HglError: database, task or options are unusable.
        KeyboardInterrupt: Ctrl-C stopped training; results are those of the best epoch before.
    """
    if baselines and not test:
        raise ConfigError("test=false: expected baselines=false too, which would be scored on test")
    world = join_world()
    with Screen(quiet=not world.is_first) as screen:
        bars = PhaseBars(screen)
        phases = Phases(announce=bars.phase)
        fitted = trainer(watcher=bars)
        asked = Task.load(task_name(db, task))
        before = reclaim(out, asked, config) if resume else None
        folder = before.folder if before else vacant(out, asked, hint=_GOES_ON)
        with phases("ingest"), world.in_turn():
            database = open_database(db, manifest=manifest, progress=TableBars(screen))
        if before:
            before.check_same(database, asked)
        folder = folder or fresh(f"{database.schema.name}-{asked.name}", world)
        if world.is_first:
            keep_task(asked, folder)
        experiment = learner(
            db=database,
            task=asked,
            model=model,
            trainer=fitted,
            sampling=sampling,
            spec=graph,
            policy=policy,
            cut=cut,
            config=config,
            phases=phases,
            validate_frozen=validate_frozen,
            history=history,
            columns=columns,
            test=test,
        )
        with disk_errors(folder):
            outcome = experiment.train(folder, resume=resume)
        others = _baselines(experiment, outcome) if baselines and world.is_first else {}
    if world.is_first:
        with disk_errors(folder):
            _write(outcome, others, asked.metric)
        show_run(experiment, outcome, {_network(config): outcome.metrics} | others)
    leave_world()
    if outcome.progress.interrupted:
        raise KeyboardInterrupt


def _baselines(experiment: Learner, outcome: Outcome) -> dict[str, Scores]:
    seeds = outcome.seeds
    with experiment.phases("baselines"):
        predictions = fit_baselines(experiment.db, seeds["train"], seeds["val"], seeds["test"])
        return {
            name: {split: score(seeds[split], seeds["train"], p) for split, p in found.items()}
            for name, found in predictions.items()
        }


def _write(outcome: Outcome, others: Mapping[str, Scores], metric: str) -> None:
    progress = outcome.progress
    if progress.history:
        save_curve(progress.history, metric, progress.best_epoch, outcome.folder / "curve.png")
    write_text(outcome.folder / "baselines.yaml", yaml.safe_dump(dict(others), sort_keys=False))


def _network(config: Mapping[str, Any]) -> str:
    """The class name of the graph network, of a recommender before it, or of what has none."""
    model = config["model"]
    names = [part["_target_"].rpartition(".")[2] for part in (model, model.get("gnn")) if part]
    return " on ".join(name for name in names if name != "RelationalModel")
