"""Codes of a seed's parents, as a job that runs once a step would have left them in a cache.

What two hops away tells (a driver's constructor, an aircraft's airline) is beyond the aggregates'
windows; here it comes as the teacher's vector of that row, quantised by a codebook of its table.
The teacher's last layer was never trained to speak of such rows; the codebook's projection is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from hgl.aggregates.batch import compute
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.feature import Feature
from hgl.aggregates.places import parents
from hgl.distill.asked_rows import AskedRows
from hgl.distill.code_cache import CodeCache, key_feature
from hgl.distill.observe import embed
from hgl.distill.parents import named
from hgl.distill.stale import SeenSeeds
from hgl.distill.tokenizer import CHANNELS, MOST_CODES, Tokens, fit_tokens, told_columns
from hgl.errors import ConfigError
from hgl.nn.codebook import ROWS_PER_CODE
from hgl.tasks import population
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task
from hgl.train.prepared import Prepared, TrainedRun
from hgl.train.run import Experiment

DAY = 86400


@dataclass(frozen=True)
class ReadCodes:
    """What students of codes read.

    Attributes:
        columns: per split, [rows, (CHANNELS + 2) parents] float32: for each parent the vector of
            its code (zeros where there is none), log(1 + days since the refill), and 1 where
            there is none.
        cache: the codes at the database's end, for those who ask later.
    """

    columns: Mapping[str, Tensor]
    cache: CodeCache


@dataclass(frozen=True)
class _Parent:
    """A parent.

    Attributes:
        key: the column that names its row.
        rows: [rows asked about] int64 rows of `table`, -1 for none.
    """

    table: str
    key: Feature
    rows: np.ndarray


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

    def read(self) -> ReadCodes:
        """Ask the teacher about the parents of every row, at the cache's moment before it.

        The cache is refilled once a step of the training timestamps, and is a step old at least:
        never later than what the row itself sees.

        Raises: ConfigError: the graph has no parent, or the model has no vectors of them.
        """
        asked = self.rows.asked()
        everyone = SeenSeeds.join([*asked.values()])
        refills = last_refill(everyone, np.unique(self.rows.seeds["train"].time))
        days = torch.as_tensor((everyone.time - refills) / DAY, dtype=torch.float32).log1p()
        blocks: dict[Feature, Tensor] = {}
        tables: dict[str, _Table] = {}
        found = self._parents(everyone)
        for name in dict.fromkeys(parent.table for parent in found):
            same = [parent for parent in found if parent.table == name]
            table = tables[name] = _Table(self, name, np.stack([p.rows for p in same]), refills)
            blocks |= dict(zip([p.key for p in same], table.blocks(days), strict=True))
        keys = tuple(parent.key for parent in found)
        columns = torch.cat([blocks[key] for key in keys], dim=1)
        parts = columns.split([len(part) for part in asked.values()])
        return ReadCodes(dict(zip(asked, parts, strict=True)), self._cache(found, tables))

    def _parents(self, seeds: SeenSeeds) -> list[_Parent]:
        entity, schema = self.experiment.task.entity_table, self.prepared.drawn.schema
        found = []
        for anchor, table in parents(schema, entity):
            key = key_feature(schema, entity, anchor)
            if table != entity and table in self.run.graph.node_types and key:
                rows = named(self.prepared.store, entity, anchor, table, seeds)
                found.append(_Parent(table, key, rows))
        if not found:
            raise ConfigError(
                f"parent_codes=true: neither {entity!r} nor what refers to it names a row of "
                "another table of the graph by a key of one column"
            )
        return found

    def _cache(self, found: Sequence[_Parent], tables: Mapping[str, _Table]) -> CodeCache:
        spans = [self.prepared.drawn.span(t) for t in self.prepared.drawn.schema.tables]
        end = max(span[1] for span in spans if span is not None)
        latest = {name: table.latest(end) for name, table in tables.items()}
        return CodeCache(
            end,
            tuple(parent.key for parent in found),
            tuple(latest[parent.table][0] for parent in found),
            tuple(latest[parent.table][1] for parent in found),
        )


class _Table:
    """The codes of one table's rows.

    Args:
        found: [parents, rows asked about] rows of the table, -1 for none.
        refills: [rows asked about] int64 seconds at which each is looked at.
    """

    def __init__(
        self, makes: ParentCodes, table: str, found: np.ndarray, refills: np.ndarray
    ) -> None:
        self.makes, self.table = makes, table
        self.task: Task = replace(makes.rows.seeds["train"].task, entity_table=table)
        self.since = population.known_from(self.task, makes.prepared.drawn)
        self.known = (found >= 0) & (self.since[found] <= refills)
        moments = np.broadcast_to(refills, found.shape)[self.known]
        self.pairs, self.which = np.unique(
            np.stack([moments, found[self.known]]), axis=1, return_inverse=True
        )
        self.embedding = self._embed(*self.pairs)
        self.tokens = self._tokens()

    def blocks(self, days: Tensor) -> list[Tensor]:
        """Return the columns of each parent; `days` is what they say of the cache's age."""
        vectors = torch.zeros(*self.known.shape, CHANNELS)
        vectors[torch.as_tensor(self.known)] = self._vectors(self.embedding)[self.which]
        missing = torch.as_tensor(~self.known, dtype=torch.float32)[:, :, None]
        return [
            torch.cat([v, days[:, None], m], dim=1) for v, m in zip(vectors, missing, strict=True)
        ]

    def latest(self, end: int) -> tuple[tuple[str, ...], Tensor]:
        """Return keys and vectors of the rows that are known at `end` (seconds)."""
        rows = np.flatnonzero(self.since <= end)
        (key,) = self.makes.prepared.drawn.schema.table(self.table).pkey
        column = pa.chunked_array([*self.makes.prepared.drawn.column(self.table, key)])
        names = column.cast(pa.string()).take(pa.array(rows)).to_pylist()
        return tuple(names), self._vectors(self._embed(np.full(len(rows), end), rows))

    def _embed(self, moments: np.ndarray, rows: np.ndarray) -> Tensor:
        if not len(rows):
            return torch.zeros(0, CHANNELS)
        return embed(self.makes.experiment, self.makes.run, self._seeds(moments, rows))

    def _vectors(self, embedding: Tensor) -> Tensor:
        if self.tokens is None:
            return embedding.new_zeros(len(embedding), CHANNELS)
        return self.tokens.vectors(embedding)

    def _tokens(self) -> Tokens | None:
        """The codebook, fitted to what labelled rows name; None where that is too little."""
        places = np.full(self.known.shape, -1)
        places[self.known] = self.which
        taught = places[:, : len(self.makes.target)]
        parent, row = np.nonzero(taught >= 0)
        used, position = np.unique(taught[parent, row], return_inverse=True)
        most = min(MOST_CODES, len(used) // ROWS_PER_CODE)
        if most < 2:
            return None
        part, drawn = self._seeds(*self.pairs[:, used]), self.makes.prepared.drawn
        plan = plan_features(drawn, self.makes.prepared.statistics, part, depth=1)
        told = told_columns(compute(drawn, plan, part))
        return fit_tokens(
            self.embedding[torch.as_tensor(taught[parent, row])],
            told[torch.as_tensor(position)],
            self.makes.target[torch.as_tensor(row)],
            self.makes.run.objective,
            num_codes=most,
        )

    def _seeds(self, moments: np.ndarray, rows: np.ndarray) -> SeedTable:
        return replace(
            self.makes.rows.seeds["train"],
            task=self.task,
            entity=rows,
            time=moments,
            target=None,
            visible_until=None,
        )


def last_refill(seeds: SeenSeeds, moments: np.ndarray) -> np.ndarray:
    """Return when the cache that each seed reads was filled: [n] int64 seconds.

    Args:
        moments: [n] distinct training timestamps; refills keep their step, before and after them.
    """
    step = int(np.median(np.diff(moments))) if len(moments) > 1 else DAY
    newest = np.minimum(seeds.time - step, seeds.visible_until)
    return newest - (newest - moments[0]) % step
