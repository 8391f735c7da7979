"""`hgl predict`."""

from __future__ import annotations

from pathlib import Path

from hgl.commands.folder import StoredRun
from hgl.db import times
from hgl.errors import ConfigError, HglError
from hgl.report.screen import PhaseBars, Screen, TableBars, plain_console
from hgl.train.predictions import prediction_frame, write_frame

_ENDINGS = (".parquet", ".csv")


def predict(*, run: str, at: str, out: str, db: str | None, trust: bool) -> None:
    """Predict for every eligible entity at one time with a run's model.

    Args:
        run: folder that hgl train left.
        at: the time asked about, UTC, such as 2013-12-01 or 2013-12-01T06:00.
        out: file to write, .parquet or .csv: the entity's key, the time and the prediction.
        db: the database as it is now; null takes the copy that the run was trained on.
        trust: also build classes outside hgl that the run's configuration names.
    Examples:
        hgl predict run=outputs/flights-plane-late/2026-11-24_09-30-00 at=2013-12-01
        hgl predict run=my-run at=2026-01-01 db=postgresql://user@host/shop out=january.csv
    Raises: HglError: the run cannot be read, nobody is eligible, or `out` cannot be written.
    """
    path = Path(out)
    if path.suffix not in _ENDINGS or not path.parent.is_dir():
        raise ConfigError(f"out={out!r}: expected a file ending in .parquet or .csv in a folder")
    moment = _moment(at)
    stored = StoredRun.read(run)
    with Screen() as screen:
        bars = PhaseBars(screen)
        database = stored.open(db, TableBars(screen))
        experiment = stored.experiment(database, bars, trust=trust)
        seeds = experiment.task.seeds_at(database, moment, cut=experiment.cut)
        prediction = experiment.predict(stored.folder, seeds)
    try:
        write_frame(prediction_frame(database, seeds, prediction), path)
    except OSError as error:
        raise ConfigError(f"out={out!r}: cannot be written ({error.strerror})") from None
    plain_console().print(
        f"{len(seeds)} predictions at {times.text(moment)} in {path}", soft_wrap=True
    )


def _moment(at: str) -> int:
    try:
        return times.instant(at)
    except HglError as error:
        raise ConfigError(f"at={at!r}: {error}") from error
