"""Codes of a seed's parents, as a job that runs once a step would have left them in a cache.

What two hops away tells (a driver's constructor, an aircraft's airline) is beyond the aggregates'
windows; here it comes as the teacher's vector of that row, quantised by a codebook of its table.
The teacher's last layer was never trained to speak of such rows; the codebook's projection is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hgl.aggregates.batch import compute
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.places import parents
from hgl.distill.asked_rows import AskedRows
from hgl.distill.observe import embed
from hgl.distill.parents import named
from hgl.distill.stale import SeenSeeds
from hgl.distill.tokenizer import CHANNELS, MOST_CODES, fit_tokens, told_columns
from hgl.errors import ConfigError
from hgl.nn.codebook import ROWS_PER_CODE
from hgl.tasks import population
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.prepared import Prepared, TrainedRun
from hgl.train.run import Experiment

DAY = 86400


@dataclass(frozen=True)
class ParentCodes:
    """Makes the columns.

    Attributes:
        experiment, prepared, run: the teacher's.
        rows: that students learn from, or are asked about.
        target: [labelled seeds] or [.., labels] that a code should tell.
    """

    experiment: Experiment
    prepared: Prepared
    run: TrainedRun
    rows: AskedRows
    target: Tensor

    def columns(self) -> dict[str, Tensor]:
        """Ask the teacher about the parents of every row, at the cache's moment before it.

        The cache is refilled once a step of the training timestamps, and is a step old at least:
        never later than what the row itself sees.

        Returns: per split, [rows, (CHANNELS + 2) parents] float32: for each parent the vector of
            its code (zeros where there is none), log(1 + days since the refill), and 1 where
            there is none.
        Raises: ConfigError: the graph has no parent, or the model has no vectors of them.
        """
        asked = self.rows.asked()
        everyone = SeenSeeds.join([*asked.values()])
        moments = np.unique(self.rows.seeds["train"].time)
        refills = last_refill(everyone, moments)
        days = torch.as_tensor((everyone.time - refills) / DAY, dtype=torch.float32).log1p()
        blocks = [
            block
            for table, found in self._parents(everyone).items()
            for block in self._blocks(table, found, refills, days[:, None])
        ]
        parts = torch.cat(blocks, dim=1).split([len(part) for part in asked.values()])
        return dict(zip(asked, parts, strict=True))

    def _parents(self, seeds: SeenSeeds) -> Mapping[str, np.ndarray]:
        """[parents, n] rows per table that some parent is in."""
        entity = self.experiment.task.entity_table
        found: dict[str, list[np.ndarray]] = {}
        for anchor, table in parents(self.prepared.drawn.schema, entity):
            if table != entity and table in self.run.graph.node_types:
                rows = named(self.prepared.store, entity, anchor, table, seeds)
                found.setdefault(table, []).append(rows)
        if not found:
            raise ConfigError(
                f"parent_codes=true: neither {entity!r} nor what refers to it names a row of "
                "another table of the graph"
            )
        return {table: np.stack(rows) for table, rows in found.items()}

    def _blocks(
        self, table: str, found: np.ndarray, refills: np.ndarray, days: Tensor
    ) -> list[Tensor]:
        """The columns of the parents that are in one table."""
        since = population.known_from(self._task_of(table), self.prepared.drawn)
        known = (found >= 0) & (since[found] <= refills)
        moments = np.broadcast_to(refills, found.shape)[known]
        pairs, which = np.unique(np.stack([moments, found[known]]), axis=1, return_inverse=True)
        vectors = torch.zeros(*found.shape, CHANNELS)
        if pairs.size:
            places = np.full(found.shape, -1)
            places[known] = which
            vectors[torch.as_tensor(known)] = self._codes(table, pairs, places)[which]
        missing = torch.as_tensor(~known, dtype=torch.float32)[:, :, None]
        return [torch.cat([v, days, m], dim=1) for v, m in zip(vectors, missing, strict=True)]

    def _codes(self, table: str, pairs: np.ndarray, places: np.ndarray) -> Tensor:
        """Vectors of the codes of `pairs`, [2, pairs] of moments and rows of `table`.

        Args:
            places: [parents, rows] which pair each is, -1 for none; the first rows are labelled.
        """
        seeds = self._seeds(table, *pairs)
        embedding = embed(self.experiment, self.run, seeds)
        taught = places[:, : len(self.target)]
        parent, row = np.nonzero(taught >= 0)
        used, position = np.unique(taught[parent, row], return_inverse=True)
        most = min(MOST_CODES, len(used) // ROWS_PER_CODE)
        if most < 2:
            return embedding.new_zeros(len(embedding), CHANNELS)
        part = self._seeds(table, *pairs[:, used])
        plan = plan_features(self.prepared.drawn, self.prepared.statistics, part, depth=1)
        told = told_columns(compute(self.prepared.drawn, plan, part))
        tokens = fit_tokens(
            embedding[torch.as_tensor(taught[parent, row])],
            told[torch.as_tensor(position)],
            self.target[torch.as_tensor(row)],
            self.run.objective,
            num_codes=most,
        )
        return tokens.vectors(embedding)

    def _seeds(self, table: str, moments: np.ndarray, rows: np.ndarray) -> SeedTable:
        return replace(
            self.rows.seeds["train"],
            task=self._task_of(table),
            entity=rows,
            time=moments,
            target=None,
            visible_until=None,
        )

    def _task_of(self, table: str) -> Task:
        return replace(self.rows.seeds["train"].task, entity_table=table)


def last_refill(seeds: SeenSeeds, moments: np.ndarray) -> np.ndarray:
    """Return when the cache that each seed reads was filled: [n] int64 seconds.

    Args:
        moments: [n] distinct training timestamps; refills keep their step, before and after them.
    """
    step = int(np.median(np.diff(moments))) if len(moments) > 1 else DAY
    newest = np.minimum(seeds.time - step, seeds.visible_until)
    return newest - (newest - moments[0]) % step
