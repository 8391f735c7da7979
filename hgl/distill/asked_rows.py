"""The rows that students learn from: labelled seeds, stale copies of them, and further seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hgl.aggregates.batch import compute
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.distill.soft_labels import spread_out
from hgl.distill.stale import SeenSeeds, stale
from hgl.tasks.seeds import SeedTable


@dataclass(frozen=True)
class AskedRows:
    """Rows of training, in this order: each labelled seed, its stale copy if any, extra seeds.

    Attributes:
        seeds: `train`, `val`, `test`.
        extra: seeds that nobody labelled.
        known: [rows of the entity table] int64 seconds since when each is known.
        lagging: the stale copies; None: there are none.
    """

    seeds: Mapping[str, SeedTable]
    extra: SeedTable
    known: np.ndarray
    lagging: SeenSeeds | None

    @classmethod
    def draw(
        cls,
        seeds: Mapping[str, SeedTable],
        known: np.ndarray,
        *,
        extra: float,
        staleness: int,
        seed: int,
    ) -> AskedRows:
        """Draw extra seeds and lags.

        Args:
            extra: how many extra seeds, as a share of the labelled ones.
            staleness: longest lag of a stale copy in seconds; 0 for no copies.
            seed: of the draws.
        """
        train = seeds["train"]
        lagging = stale(train, known, staleness=staleness, seed=seed) if staleness else None
        return cls(seeds, spread_out(train, known, share=extra, seed=seed), known, lagging)

    @property
    def labelled(self) -> int:
        """How many rows of training, the first ones, have labels."""
        return len(self.seeds["train"]) * (1 if self.lagging is None else 2)

    @property
    def everyone(self) -> SeedTable:
        """The labelled seeds, then the extra ones."""
        train = self.seeds["train"]
        entity, time = (
            np.concatenate([getattr(part, name) for part in (train, self.extra)])
            for name in ("entity", "time")
        )
        return replace(train, entity=entity, time=time, target=None)

    def asked(self) -> dict[str, SeenSeeds]:
        """Return every row of each split, with what it sees."""
        train = [SeenSeeds.of(self.seeds["train"]), self.lagging, SeenSeeds.of(self.extra)]
        return {
            "train": SeenSeeds.join([part for part in train if part is not None]),
            **{split: SeenSeeds.of(self.seeds[split]) for split in ("val", "test")},
        }

    def tables(self, db: Database, plan: FeaturePlan) -> dict[str, FeatureTable]:
        """Return the columns of each split, at once: DuckDB sorts each table's rows once."""
        asked = self.asked()
        table = compute(db, plan, SeenSeeds.join([*asked.values()]))
        return dict(zip(asked, table.split([len(part) for part in asked.values()])))

    def stacked(self, labelled: Tensor, extra: Tensor | None = None) -> Tensor:
        """Return what is said of every row of training.

        Args:
            labelled: [labelled seeds, ...]; stale copies share it.
            extra: [extra seeds, ...]; None: nothing is known of them, which is NaN.
        """
        if extra is None:
            extra = labelled.new_full((len(self.extra), *labelled.shape[1:]), np.nan)
        copies = self.labelled // len(labelled)
        return torch.cat([*[labelled] * copies, extra])
