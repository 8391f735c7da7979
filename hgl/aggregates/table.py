"""The columns of some seeds, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hgl.aggregates.plan import FeaturePlan


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """One row per seed.

    Attributes:
        plan: what the columns are.
        numerical: [n, numbers] float64, in the order of `plan.numerical`; NaN where not known.
        categorical: [n, texts] int64 codes, in the order of `plan.categorical`: 0 missing,
            1 unknown, 2 and up the vocabulary.
    """

    plan: FeaturePlan
    numerical: np.ndarray
    categorical: np.ndarray

    def __len__(self) -> int:
        return len(self.numerical)

    def keep(self, plan: FeaturePlan) -> FeatureTable:
        """Return the columns of `plan`, a part of this table's."""
        numbers = [self.plan.numerical.index(f) for f in plan.numerical]
        texts = [self.plan.categorical.index(f) for f in plan.categorical]
        return FeatureTable(plan, self.numerical[:, numbers], self.categorical[:, texts])

    def first(self, rows: int) -> FeatureTable:
        """Return the first rows."""
        return FeatureTable(self.plan, self.numerical[:rows], self.categorical[:rows])

    def split(self, rows: Sequence[int]) -> list[FeatureTable]:
        """Return the parts that have so many rows each, one after another."""
        ends = np.cumsum(rows)[:-1]
        parts = zip(np.split(self.numerical, ends), np.split(self.categorical, ends))
        return [FeatureTable(self.plan, *part) for part in parts]

    @classmethod
    def join(cls, parts: Sequence[FeatureTable]) -> FeatureTable:
        """Put tables of one plan after one another."""
        numerical = np.concatenate([part.numerical for part in parts])
        return cls(parts[0].plan, numerical, np.concatenate([part.categorical for part in parts]))

    def frame(self) -> pd.DataFrame:
        """Return columns by feature name; codes are pandas categories, what is missing is null."""
        columns: dict[str, object] = {
            f.name: self.numerical[:, i] for i, f in enumerate(self.plan.numerical)
        }
        for i, feature in enumerate(self.plan.categorical):
            codes = range(1, self.plan.cardinalities[i])
            columns[feature.name] = pd.Categorical.from_codes(self.categorical[:, i] - 1, codes)
        return pd.DataFrame(columns, index=range(len(self)))
