"""`hgl evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from hgl.commands.folder import StoredRun
from hgl.errors import CacheError
from hgl.report.screen import PhaseBars, Screen, TableBars, plain_console
from hgl.report.summary import show_scores
from hgl.train.predictions import prediction_frame, score
from hgl.train.submission import check_submission, write_submission


def evaluate(
    *,
    run: str,
    split: Literal["val", "test"],
    db: str | None,
    submission: str | None,
    trust: bool,
) -> None:
    """Score a run's stored model again and compare with the predictions it left.

    Args:
        run: folder that hgl train left.
        split: val or test.
        db: the database, where the run's own copy is gone and its password was not kept.
        submission: folder to write <dataset>__<task>.csv into, the table of test predictions that
            RelBench's leaderboard takes; null writes none.
        trust: also build classes outside hgl that the run's configuration names.
    Examples:
        hgl evaluate run=outputs/flights-plane-late/2026-11-24_09-30-00
        hgl evaluate run=my-run submission=leaderboard
    Raises: HglError: the run cannot be read, or the data is not what it was trained on.
    """
    stored = StoredRun.read(run)
    if submission is not None:
        check_submission(stored.task(), split, submission)
    with Screen() as screen:
        bars = PhaseBars(screen)
        database = stored.open(db, TableBars(screen))
        if database.fingerprint != stored.database["fingerprint"]:
            raise CacheError(
                f"run={run!r} was trained on data {stored.database['fingerprint']}; "
                f"{database.schema.name} is now {database.fingerprint}: train again, or hgl predict"
            )
        experiment = stored.experiment(database, bars, trust=trust)
        train, seeds = experiment.seeds("train"), experiment.seeds(split)
        prediction = experiment.predict(stored.folder, seeds)
    before = _stored(stored.folder / "predictions" / f"{split}.parquet")
    frame = prediction_frame(database, seeds, prediction)
    title = f"{stored.folder}, {split}: {_difference(frame, before)}"
    show_scores(score(seeds, train, prediction), title)
    if submission is not None:
        file = write_submission(database, seeds, prediction, Path(submission))
        plain_console().print(f"{len(seeds)} predictions in {file}", soft_wrap=True)


def _stored(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise CacheError(
            f"predictions {str(path)!r}: expected what hgl train left ({error})"
        ) from None


def _difference(now: pd.DataFrame, before: pd.DataFrame) -> str:
    columns = [c for c in now.columns if str(c).startswith("prediction")]
    if list(now.columns) != list(before.columns) or len(now) != len(before):
        return f"{len(now)} predictions, {len(before)} stored ones of another shape"
    if "prediction" in now and now["prediction"].dtype == object:
        pairs = zip(now["prediction"], before["prediction"], strict=True)
        differ = sum(list(new) != list(old) for new, old in pairs)
        return f"{len(now)} lists, {differ} of them other than the stored ones"
    gap = float(np.abs(now[columns].to_numpy() - before[columns].to_numpy()).max())
    return f"{len(now)} predictions, largest difference from the stored ones {gap:.2g}"
