"""An exported student's answers from the workers of a Ray cluster, block by block."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hgl.commands.asked import Asked
from hgl.commands.folder import unkept
from hgl.commands.launcher import connect_ray
from hgl.commands.live import source_of
from hgl.commands.scoring import answers
from hgl.commands.source import open_database
from hgl.db.clock import free_name
from hgl.export.artefact import Artefact
from hgl.report.screen import Screen, TableBars

LEAST_ROWS = 1000
"""Per block: a worker reads its database anew for each one."""
_BLOCKS = 2
"""Per worker, so that none waits long for the others."""


class Worker:
    """Answers blocks of rows with a student of its own and a database that it opens to read.

    Args:
        artefact: the student's folder.
        db: as for every command; None: where the student was made from.
        place: column of a block that tells its rows' places; it comes back as it was.
    """

    def __init__(self, artefact: str, db: str | None, place: str) -> None:
        self._student, self._db, self._place = Artefact.read(Path(artefact)), db, place

    def __call__(self, block: pd.DataFrame) -> pd.DataFrame:
        """Return keys, times, predictions and places."""
        rows = block.drop(columns=self._place).reset_index(drop=True)
        found = answers(self._student, Asked(None, rows), self._db)
        return found.assign(**{self._place: block[self._place].to_numpy()})


def cluster_answers(
    artefact: Artefact, asked: Asked, db: str | None, screen: Screen
) -> pd.DataFrame:
    """Return what `answers` does, from the workers of the cluster at `RAY_ADDRESS`, or from this
    machine's cores where there is none; every worker must reach the artefact and the database.

    Raises: MissingExtra: Ray is absent. SourceError: no cluster answers at the address. HglError:
        as `answers`.
    """
    ray = connect_ray()
    from ray import data

    rows = asked.table if asked.table is not None else _everybody(artefact, asked, db, screen)
    place = free_name("place", list(rows))
    rows = rows.assign(**{place: range(len(rows))})
    data.DataContext.get_current().enable_progress_bars = False
    workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    size = max(LEAST_ROWS, -(-len(rows) // (_BLOCKS * workers)))
    blocks = [rows.iloc[i : i + size] for i in range(0, len(rows), size)]
    found = data.from_pandas(blocks).map_batches(
        Worker,
        fn_constructor_args=(str(artefact.folder.absolute()), db, place),
        batch_size=None,
        batch_format="pandas",
        concurrency=min(workers, len(blocks)),
    )
    frame = found.to_pandas().sort_values(place, ignore_index=True)
    return frame.drop(columns=place)


def _everybody(artefact: Artefact, asked: Asked, db: str | None, screen: Screen) -> pd.DataFrame:
    """Keys and times of every eligible entity."""
    source = artefact.manifest.source
    task = unkept(source.task, f"artefact {artefact.folder}")
    database = open_database(
        source_of(artefact, db), manifest=source.manifest, progress=TableBars(screen)
    )
    return asked.seeds(task, database, artefact.manifest.plan.cut).frame(database)
