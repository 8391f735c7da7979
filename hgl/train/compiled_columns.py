"""Columns of `hgl.aggregates` as a graph network reads them, beside what it finds by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hgl.aggregates.batch import Seeds, compute
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.feature import LONG_TAILED
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.prune import prune
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.errors import CacheError
from hgl.features.statistics import TableStatistics
from hgl.tasks.seeds import SeedTable
from hgl.train.record import write_text

FILE = "columns.json"
_BOUND = 10.0


@dataclass(frozen=True)
class CompiledColumns:
    """Numerical columns of seeds, scaled by training's; texts are left to the graph.

    Attributes:
        centre, spread: [numbers] float64 median and quartile distance, of logarithms where a column
            has a long tail.
    """

    plan: FeaturePlan
    centre: np.ndarray
    spread: np.ndarray

    @classmethod
    def fit(
        cls,
        db: Database,
        statistics: Mapping[str, TableStatistics],
        train: SeedTable,
        val: SeedTable,
        *,
        most: int,
    ) -> CompiledColumns:
        """Choose the columns that validation asks for, `most` at most, and measure them.

        Raises: MissingExtra: LightGBM is absent. ConfigError: `most` is below 1.
        """
        plan = plan_features(db, statistics, train)
        plan = plan.keep({f.name for f in plan.numerical})
        tables = [compute(db, plan, seeds) for seeds in (train, val)]
        kept = prune(tables[0], train.answers, tables[1], val.answers, train.task.kind, most=most)
        low, centre, high = _quartiles(_values(tables[0].keep(kept)))
        return cls(kept, centre, np.where(high > low, high - low, 1.0))

    @property
    def width(self) -> int:
        """Columns per seed."""
        return 2 * len(self.centre)

    def __call__(self, db: Database, seeds: Seeds) -> Tensor:
        """Return the columns of `seeds`: [n, width] float32, first scaled, then 1 where unknown."""
        values = _values(compute(db, self.plan, seeds))
        known = np.isfinite(values)
        scaled = ((values - self.centre) / self.spread).clip(-_BOUND, _BOUND)
        columns = np.concatenate([np.where(known, scaled, 0.0), ~known], axis=1)
        return torch.as_tensor(columns, dtype=torch.float32)

    def write(self, folder: Path) -> None:
        """Keep them in a run's folder."""
        scales = {name: getattr(self, name).tolist() for name in ("centre", "spread")}
        write_text(folder / FILE, json.dumps({"plan": self.plan.to_dict(), **scales}))

    @classmethod
    def read(cls, folder: Path) -> CompiledColumns:
        """Read what `write` left. Raises: CacheError: it is not there, or not whole."""
        try:
            kept = json.loads((folder / FILE).read_text())
            scales = (np.array(kept[name], dtype=np.float64) for name in ("centre", "spread"))
            return cls(FeaturePlan.from_dict(kept["plan"]), *scales)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise CacheError(
                f"run={str(folder)!r}: expected the folder of a finished `hgl train`, with a whole "
                f"{FILE}"
            ) from None


def _values(table: FeatureTable) -> np.ndarray:
    long_tailed = [f.function in LONG_TAILED for f in table.plan.numerical]
    values = table.numerical
    return np.where(long_tailed, np.sign(values) * np.log1p(np.abs(values)), values)


def _quartiles(columns: np.ndarray) -> np.ndarray:
    """[3, numbers]; zeros where a column is never known."""
    known = [column[np.isfinite(column)] for column in columns.T]
    found = [np.quantile(c, [0.25, 0.5, 0.75]) if len(c) else np.zeros(3) for c in known]
    return np.array(found).reshape(-1, 3).T
