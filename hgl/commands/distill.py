"""`hgl distill`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from hgl.aggregates.live.features import LiveFeatures
from hgl.commands.export import NEEDED, write_artefact
from hgl.commands.folder import StoredRun, fresh, keep_task, reclaim, vacant
from hgl.commands.newest import ARTEFACT, latest
from hgl.commands.source import check_entity_task
from hgl.db.cache import disk_errors
from hgl.db.yaml_file import read_yaml
from hgl.distill import kept
from hgl.distill.gather import Sources, gather
from hgl.distill.ladder import climb
from hgl.distill.report import Page
from hgl.distill.student import StudentSettings
from hgl.errors import CacheError, ConfigError, check_range
from hgl.export.onnx_file import check_installed
from hgl.export.speed import measure
from hgl.report.screen import PhaseBars, Screen, TableBars, plain_console
from hgl.train.distributed import join_world
from hgl.train.learner import Learner
from hgl.train.record import write_text, write_yaml
from hgl.train.run import Experiment

_GOES_ON = "; resume=true goes on with a distillation"


def distill(
    *,
    run: str | None,
    db: str | None,
    student: StudentSettings,
    sources: Sources,
    seeds: int,
    out: str | None,
    resume: bool,
    trust: bool,
    config: Mapping[str, Any],
) -> None:
    """Turn a trained graph network into an MLP over columns, and measure what each part gives.

    The columns are the entity's own row and aggregates of its past, computed in SQL; the MLP learns
    from answers and from what the network says of seeds it was not trained on. A ladder compares
    it with less and with more, on validation to choose and once on test to report; the student
    that ships is exported.

    Args:
        run: folder that hgl train left; null takes the newest one under outputs/.
        db: the database, where the run's own copy is gone and its password was not kept.
        student: how students are built and trained.
        sources: how much they are given.
        seeds: trainings of each student.
        out: folder; null makes outputs/<database>-<task>-student/<time>.
        resume: go on with the distillation in out=…, given the same options; begin where none has
            begun. What is trained already is not trained again.
        trust: also build classes outside hgl that the run's configuration names.
        config: the whole configuration, kept in the folder; must hold no secret.
    Examples:
        hgl distill
        hgl distill run=outputs/flights-plane-late/2026-11-24_09-30-00 seeds=10
        hgl distill student.adaptive=true sources.extra=1.0
        hgl distill run=my-run resume=true out=my-student
    Raises: HglError: the run cannot be read, or its model is no teacher.
    """
    check_range("seeds", seeds, 1)
    check_installed()
    teacher = latest("run", "train", "results.yaml") if run is None else Path(run)
    stored = StoredRun.read(str(teacher))
    task = stored.task()
    check_entity_task(task, "distill")
    if task.autocomplete:
        raise ConfigError(
            f"run={str(teacher)!r}: {task} completes a column; students are made for other tasks"
        )
    notes = _notes(stored, config)
    before = reclaim(out, task, notes["config"], "distill", NEEDED) if resume else None
    folder = before.folder if before else vacant(out, task, hint=_GOES_ON)
    with Screen() as screen:
        bars = PhaseBars(screen)
        database = stored.open(db, TableBars(screen))
        if before:
            before.check_same(database, task)
        experiment = _teacher(stored.experiment(database, bars, trust=trust), stored.folder)
        experiment.phases.announce = bars.phase
        task = experiment.task
        folder = folder or fresh(f"{database.schema.name}-{task.name}-student", join_world())
        keep_task(task, folder)
        # A line for each of their epochs would hide everything else.
        logging.getLogger("hgl.train.trainer").setLevel(logging.WARNING)
        with disk_errors(folder):
            write_yaml(folder / "distilled.yaml", notes)
            epochs = _best_epoch(teacher) + 1
            prepared, network = experiment.prepare(), experiment.restore(teacher)
            aside = folder / "teachers"
            material = gather(experiment, prepared, network, epochs, sources, aside=aside)
            with experiment.phases("students"):
                ladder = climb(material, student, seeds=seeds, folder=folder, watcher=bars)
            kept.keep(ladder, student, folder)
            made = StoredRun.read(str(folder), "distill", NEEDED)
            artefact = write_artefact(made, folder / ARTEFACT, database)
            columns = LiveFeatures.of(database, artefact.manifest.plan)
            with experiment.phases("speed"), closing(columns) as features:
                test = material.seeds["test"]
                speed = measure(experiment, network, test, features, artefact.scorer)
            page = Page(
                f"{database.schema.name}, {task.name}", ladder, ladder.test(), [*speed.lines()]
            )
            text = page.markdown()
            write_text(folder / "ladder.md", text)
            write_yaml(folder / "ladder.yaml", {"rows": page.rows(), "speed": speed.rows})
    console = plain_console()
    console.print(text, soft_wrap=True)
    console.print(
        f"everything is in {folder}; hgl serve artefact={artefact.folder}", soft_wrap=True
    )


def _teacher(learner: Learner, folder: Path) -> Experiment:
    """Raises: ConfigError: the run is not a graph network's."""
    if isinstance(learner, Experiment):
        return learner
    raise ConfigError(
        f"run={str(folder)!r} is of a {type(learner).__name__}, which is no teacher: expected the "
        "run of a graph network"
    )


def _notes(stored: StoredRun, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "config": {**config, "run": str(stored.folder.absolute()), "teacher": dict(stored.config)},
        "database": dict(stored.database),
    }


def _best_epoch(teacher: Path) -> int:
    try:
        return int(read_yaml(teacher / "results.yaml")["best_epoch"])
    except (OSError, ValueError, LookupError, TypeError):
        raise CacheError(
            f"run={str(teacher)!r}: expected a finished run, with results.yaml"
        ) from None
