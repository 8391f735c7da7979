"""LightGBM on a table: on the entity's own row, and on compiled columns of its past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from hgl.errors import check_range
from hgl.tabular.asked import Answered, Asked, TableModel
from hgl.tasks import entity_row
from hgl.tasks.boosting import boosted
from hgl.train.trainer import Progress


@dataclass(frozen=True)
class _Boosted(TableModel):
    """LightGBM's parameters that are worth choosing; the rounds are chosen on validation.

    Attributes:
        learning_rate: of each tree.
        num_leaves: of a tree at most.
        min_data_in_leaf: training seeds at least.
        feature_fraction: share of the columns that each tree may use.
        bagging_fraction: share of the seeds that each tree sees.
        lambda_l2: penalty on the leaves' values.
    Raises: ConfigError: a value is out of range.
    """

    learning_rate: float = 0.05
    num_leaves: int = 31
    min_data_in_leaf: int = 20
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    lambda_l2: float = 0.0

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate, 1e-6)
        check_range("num_leaves", self.num_leaves, 2)
        check_range("min_data_in_leaf", self.min_data_in_leaf, 1)
        check_range("feature_fraction", self.feature_fraction, 1e-6, 1)
        check_range("bagging_fraction", self.bagging_fraction, 1e-6, 1)
        check_range("lambda_l2", self.lambda_l2, 0)

    def _predict(self, asked: Asked, columns: Mapping[str, pd.DataFrame]) -> Answered:
        with asked.phases("training"):
            found = boosted(
                columns,
                asked.train,
                asked.val,
                purpose="the LightGBM baseline",
                seed=asked.trainer.seed,
                bagging_freq=1,
                **asdict(self),
            )
        return Answered(found, Progress())


@dataclass(frozen=True)
class BoostedRow(_Boosted):
    """LightGBM on the columns of the entity's own row."""

    def answer(self, asked: Asked) -> Answered:
        """Fit on train, stop early on validation, predict the later splits."""
        with asked.phases("columns"):
            seeds = asked.seeds
            columns = {s: entity_row.features(asked.db, asked.train, t) for s, t in seeds.items()}
        return self._predict(asked, columns)


@dataclass(frozen=True)
class BoostedColumns(_Boosted):
    """LightGBM on every compiled point-in-time column (see `hgl.aggregates`)."""

    def answer(self, asked: Asked) -> Answered:
        """Fit on train, stop early on validation, predict the later splits."""
        columns = {split: table.frame() for split, table in asked.tables().items()}
        return self._predict(asked, columns)
