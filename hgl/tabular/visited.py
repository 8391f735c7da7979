"""Recommendations that need no network: by past visits, popularity, or LightGBM on pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from hgl.errors import ConfigError
from hgl.tabular.asked import Answered, Asked, TableModel
from hgl.tasks import ranking_baselines
from hgl.train.trainer import Progress

Ranking = Literal["popularity", "past visit", "past visit, then popularity", "LightGBM on pairs"]


@dataclass(frozen=True)
class Visited(TableModel):
    """One of `hgl.tasks.ranking_baselines`; what it chooses, it chooses on validation.

    Attributes:
        ranking: by what destinations are ranked.
    Raises: ConfigError: there is no such ranking.
    """

    ranking: Ranking

    recommends: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.ranking not in get_args(Ranking):
            raise ConfigError(f"ranking={self.ranking!r}: expected one of {get_args(Ranking)}")

    def answer(self, asked: Asked) -> Answered:
        """Recommend for the later splits."""
        made = ranking_baselines.makers(asked.db, asked.seeds)
        return Answered(made[self.ranking](), Progress())
