"""`hgl predict`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from hgl.commands.asked import Asked
from hgl.commands.folder import StoredRun
from hgl.commands.launcher import Launcher
from hgl.errors import ConfigError
from hgl.report.screen import PhaseBars, Screen, TableBars, plain_console
from hgl.train.predictions import prediction_frame, write_frame

_ENDINGS = (".parquet", ".csv")


def predict(
    *,
    run: str | None,
    artefact: str | None,
    at: str | None,
    table: str | None,
    out: str,
    db: str | None,
    launcher: Launcher,
    trust: bool,
) -> None:
    """Predict with a run's model, or with an exported student, or with both.

    With both, the student answers, and the run's model is asked about what it is not sure of.

    Args:
        run: folder that hgl train left.
        artefact: folder that hgl export or hgl distill wrote.
        at: the time asked about, UTC, such as 2013-12-01 or 2013-12-01T06:00, for every eligible
            entity; this or table.
        table: file (.parquet or .csv) of rows to ask about: the entity's key columns and the
            task's time column.
        out: file to write, .parquet or .csv: the entity's key, the time and the prediction.
        db: the database as it is now; null takes the copy that the run was trained on, or where the
            student was made from.
        launcher: local, or ray: an artefact answers blocks of rows on the workers of the Ray
            cluster at RAY_ADDRESS, or on all cores here; each reaches artefact and database itself.
        trust: also build classes outside hgl that the run's configuration names.
    Examples:
        hgl predict run=outputs/flights-plane-late/2026-11-24_09-30-00 at=2013-12-01
        hgl predict run=my-run at=2026-01-01 db=postgresql://user@host/shop out=january.csv
        hgl predict artefact=late run=my-run table=ask.csv
        hgl predict artefact=late table=ask.csv db=postgresql://user@host/shop out=answers.csv
        hgl predict artefact=late at=2026-01-01 launcher=ray
    Raises: HglError: run or artefact cannot be read, a row cannot be answered, or `out` cannot be
        written.
    """
    if run is None and artefact is None:
        raise ConfigError("run=null, artefact=null: expected one of the two, or both")
    if launcher == "ray" and artefact is None:
        raise ConfigError("launcher='ray': expected artefact=<folder>; a run predicts locally")
    path = Path(out)
    if path.suffix not in _ENDINGS or not path.parent.is_dir():
        raise ConfigError(f"out={out!r}: expected a file ending in .parquet or .csv in a folder")
    asked = Asked.read(at, table)
    with Screen() as screen:
        teacher = partial(_by_run, str(run), db=db, screen=screen, trust=trust)
        if artefact is None:
            frame = teacher(asked)
        else:
            student = partial(_by_student, launcher=launcher, teacher=teacher if run else None)
            frame = student(Path(artefact), asked, db, screen)
    try:
        write_frame(frame, path)
    except OSError as error:
        raise ConfigError(f"out={out!r}: cannot be written ({error.strerror})") from None
    plain_console().print(f"{len(frame)} predictions in {path}", soft_wrap=True)


def _by_run(run: str, asked: Asked, db: str | None, screen: Screen, *, trust: bool) -> pd.DataFrame:
    stored = StoredRun.read(run)
    database = stored.open(db, TableBars(screen))
    experiment = stored.experiment(database, PhaseBars(screen), trust=trust)
    seeds = asked.seeds(experiment.task, database, experiment.cut)
    return prediction_frame(database, seeds, experiment.predict(stored.folder, seeds))


def _by_student(
    artefact: Path,
    asked: Asked,
    db: str | None,
    screen: Screen,
    *,
    launcher: Launcher,
    teacher: Callable[[Asked], pd.DataFrame] | None,
) -> pd.DataFrame:
    # Here, so that predicting with a run needs no ONNX.
    from hgl.commands.cluster import cluster_answers
    from hgl.commands.scoring import answers, cascaded
    from hgl.export.artefact import Artefact

    student = Artefact.read(artefact)
    if launcher == "ray":
        frame = cluster_answers(student, asked, db, screen)
    else:
        frame = answers(student, asked, db, progress=TableBars(screen))
    return frame if teacher is None else cascaded(student, frame, teacher)
