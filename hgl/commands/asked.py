"""What `hgl predict` is asked about: everybody at one time, or the rows of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hgl.db import times
from hgl.db.database import Database
from hgl.errors import ConfigError, HglError
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.typing import Cut


@dataclass(frozen=True)
class Asked:
    """Either of the two is not None.

    Attributes:
        at: seconds: every eligible entity then.
        table: key columns and the task's time column.
    """

    at: int | None
    table: pd.DataFrame | None

    @classmethod
    def read(cls, at: str | None, table: str | None) -> Asked:
        """Read the command's arguments. Raises: ConfigError: not one of the two, or no such."""
        if (at is None) == (table is None):
            raise ConfigError(f"at={at!r}, table={table!r}: expected one of the two")
        return cls(_moment(at), None) if at is not None else cls(None, _rows(str(table)))

    def seeds(self, task: Task, db: Database, cut: Cut | None) -> SeedTable:
        """Return them as seeds. Raises: TaskError: one cannot be answered."""
        if self.at is not None:
            return task.seeds_at(db, self.at, cut=cut)
        return task.seeds_of(db, self.table, cut=cut)


def _moment(at: str) -> int:
    try:
        return times.instant(at)
    except HglError as error:
        raise ConfigError(f"at={at!r}: {error}") from error


def _rows(table: str) -> pd.DataFrame:
    path = Path(table)
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if path.suffix not in readers or not path.is_file():
        raise ConfigError(f"table={table!r}: expected a file that ends in .parquet or .csv")
    try:
        frame = readers[path.suffix](path)
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"table={table!r} cannot be read: {reason}") from None
    if frame.empty:
        raise ConfigError(f"table={table!r} has no row: expected at least one")
    return frame
