"""`hgl export`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from hgl.aggregates.batch import sql
from hgl.commands.folder import StoredRun, kept
from hgl.commands.live import is_live, open_features
from hgl.commands.newest import latest
from hgl.db import times
from hgl.db.cache import digest_files
from hgl.db.database import Database
from hgl.db.redact import HIDDEN
from hgl.distill import kept as students
from hgl.distill.kept import KeptStudent
from hgl.export.artefact import Artefact
from hgl.export.calibration import Probabilities, Values
from hgl.export.manifest import Manifest, Source, TaskCard, TeacherCard
from hgl.export.scorer_module import ScorerModule
from hgl.export.used_schema import UsedSchema
from hgl.report.screen import Screen, TableBars, plain_console
from hgl.tasks import splits
from hgl.tasks.seeds import classes_of
from hgl.tasks.task import Task

NEEDED = {"teacher", "run"}


def export(
    *, distilled: str | None, out: str, rung: str | None, db: str | None, max_staleness: str | None
) -> None:
    """Write a student as a folder that serves: student.onnx, manifest.json, features.sql.

    Args:
        distilled: folder that hgl distill left; null takes the newest one under outputs/.
        out: folder to write; an artefact that is there gives way.
        rung: which student, by its name on the ladder; null takes the one that ships.
        db: the database, where the run's own copy is gone and its password was not kept.
        max_staleness: how long after the cut-off a prediction is stale, such as "90 days"; null
            for never.
    Examples:
        hgl export out=late
        hgl export distilled=outputs/… rung=row+agg out=late max_staleness="90 days"
    Raises: HglError: there is no such student, or it cannot be exported.
    """
    folder = latest("distilled", "distill", students.FILE) if distilled is None else Path(distilled)
    stored = StoredRun.read(str(folder), "distill", NEEDED)
    longest = None if max_staleness is None else times.duration(max_staleness)
    with Screen() as screen:
        database = teacher_of(stored).open(db, TableBars(screen))
        artefact = write_artefact(stored, Path(out), database, rung=rung, max_staleness=longest)
    plain_console().print(f"{artefact.manifest.tier} student in {artefact.folder}", soft_wrap=True)


def teacher_of(stored: StoredRun) -> StoredRun:
    """Return the run that a distillation was made from, as the distillation kept it."""
    return StoredRun(stored.folder, stored.config["teacher"], stored.database)


def write_artefact(
    stored: StoredRun,
    out: Path,
    database: Database,
    *,
    rung: str | None = None,
    max_staleness: int | None = None,
) -> Artefact:
    """Export a student of a distillation; raises as `export` says."""
    student, task = students.read(stored.folder, rung), stored.task()
    teacher = teacher_of(stored).config
    query = _query(str(teacher["db"]), database, student)
    scorer = ScorerModule(student.network, _calibration(student, task))
    manifest = _manifest(stored, database, task, student, max_staleness)
    return Artefact.write(out, manifest, scorer, query)


def _calibration(student: KeptStudent, task: Task) -> Probabilities | Values:
    if task.kind == "regression":
        return Values(**student.units)
    return Probabilities(task.kind, student.temperature)


def _query(db: str, database: Database, student: KeptStudent) -> str:
    """The statement that a live database is asked, else DuckDB's over the arranged copy."""
    if HIDDEN not in db and is_live(db):
        live = open_features(db, database.schema, student.plan, opened=database)
        with closing(live) as features:
            return features.sql
    return sql(database, student.plan)


def _manifest(
    stored: StoredRun,
    database: Database,
    task: Task,
    student: KeptStudent,
    max_staleness: int | None,
) -> Manifest:
    entity, config = database.schema.table(task.entity_table), teacher_of(stored).config
    run = Path(stored.config["run"])
    return Manifest(
        task=TaskCard(
            name=task.name,
            kind=task.kind,
            entity_table=task.entity_table,
            key_columns=entity.pkey or (str(entity.row_col),),
            target=task.target_col,
            timedelta=task.timedelta,
            metric=task.metric,
            classes=tuple(map(str, _classes(task, database))),
        ),
        tier=student.tier,
        policy=config["policy"],
        cutoff=splits.timestamps(task, database)[0],
        max_staleness=max_staleness,
        teacher=TeacherCard(run.name, digest_files([run / "model.safetensors"]), _model(config)),
        plan=student.plan,
        database=database.schema.name,
        data=database.fingerprint,
        used=UsedSchema.of(database.schema, student.plan),
        source=Source(config["db"], config["manifest"], database.schema.to_manifest(), kept(task)),
        unsure_below=student.unsure_below,
        scores=student.scores,
    )


def _classes(task: Task, database: Database) -> tuple[Any, ...]:
    return classes_of(task, database) if task.kind in ("multiclass", "multilabel") else ()


def _model(config: Any) -> str:
    model = config["model"]
    return str(model.get("gnn", model)["_target_"].rpartition(".")[2])
