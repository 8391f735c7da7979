"""What each seed's own past comes to in numbers: counts, ages, means and shares of its latest rows.

The rows are those that a `TemporalSampler` draws, so they obey the cut, the limit and the window of
the seeds as neighbours do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from hgl.errors import ConfigError
from hgl.graph.grouping import distinct
from hgl.graph.latest import latest_starts, latest_sums
from hgl.graph.sampler import Backend, TemporalSampler
from hgl.graph.temporal_graph import Features, TemporalGraph
from hgl.typing import STATIC_TIME, Cut, EdgeType, NodeType, TableLayout

NUM_CODES = 8
"""Codes of a categorical column that have a share each: the most frequent ones."""
FEW_CODES = 256
"""Columns with more codes have no shares: their most frequent ones say too little."""
BOUND = 10.0
"""Scaled numbers are cut off at +-BOUND, so that one outlier cannot own a mean."""
DAY = 86400
MOST_DAYS = 36525.0
"""A hundred years, beyond which all is equally old."""


def referring(graph: TemporalGraph, entity: NodeType) -> list[EdgeType]:
    """Return the relations along which rows refer to `entity`.

    A parent is one row at most, and the graph network sees it as it is. The rows of a table drawn
    as edges refer to the entity, those with a null key included.
    """
    back = ("rev_", "r2e_", "sink_")
    return [e for e in graph.edge_types if e[2] == entity and not e[1].startswith(back)]


class SeedAggregates:
    """Aggregates of the rows that refer to each seed, as columns of the seed.

    For every relation from a child table to the entity table, itself included: log(1 + number
    visible), 1 where there is none, and, for a timed child, log(1 + days) from the first of the
    latest n rows to the seed, for n = 1 and each number asked for. Then, over each number of latest
    rows: the mean of every numerical column, as encoded, and the share of rows with each of the
    most frequent codes of every categorical or boolean column. What has no rows, or no known
    values, is 0. Rows of a static child, which have no time, count as they stand in its table.

    Args:
        graph: the graph; aggregates come on its device.
        entity: node type of the seeds.
        features: encoded columns per child table, on the graph's device; a table left out has
            counts and days only.
        lasts: numbers of latest rows, ascending.
        window, cut, backend, threads: as for `TemporalSampler`.
    Raises: ConfigError: `lasts` are not ascending numbers, or no table refers to `entity`.
    """

    def __init__(
        self,
        graph: TemporalGraph,
        entity: NodeType,
        features: Mapping[NodeType, Features],
        lasts: Sequence[int],
        *,
        window: int | None = None,
        cut: Cut = "inclusive",
        backend: Backend = "auto",
        threads: int = 1,
    ) -> None:
        check_lasts(lasts)
        forth = referring(graph, entity)
        if not forth:
            raise ConfigError(
                f"aggregates={list(lasts)}: expected tables that refer to {entity!r}; none does"
            )
        part = dataclasses.replace(
            graph, edge_types=tuple(forth), relations={e: graph.relations[e] for e in forth}
        )
        self.entity = entity
        self._sampler = TemporalSampler(
            part,
            [lasts[-1]],
            strategy="last",
            window=window,
            cut=cut,
            backend=backend,
            threads=threads,
        )
        self._children = [
            _Children(edge_type, graph.time[edge_type[0]], features.get(edge_type[0]), lasts)
            for edge_type in self._sampler.layout.edge_types
        ]

    @property
    def names(self) -> list[str]:
        """One per column: `<table>.<foreign key>: <what>`."""
        return [name for children in self._children for name in children.names]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names)

    def __call__(self, rows: Tensor, until: Tensor, time: Tensor) -> Tensor:
        """Aggregate what some seeds see.

        Args:
            rows: [n] int64 rows of the seeds.
            until: [n] int64 seconds, each seed's limit: what it sees is no later.
            time: [n] int64 seconds that days are counted to, each seed's time.
        Returns: [n, width] float32.
        Raises: SchemaError, LeakageError: as `TemporalSampler.sample` says.
        """
        sample = self._sampler.sample(self.entity, rows, until)
        counts = self._sampler.count(self.entity, rows, until)
        edges, ptr = sample.row.index_select(0, sample.src), sample.ptr.long()
        parts = []
        for r, children in enumerate(self._children):
            own = ptr[r * len(rows) : (r + 1) * len(rows) + 1]
            drawn = edges[own[0] : own[-1]]
            parts.append(children.aggregate(drawn, own - own[0], counts[:, r], time))
        return torch.cat(parts, dim=1)


class _Children:
    """The aggregates over one relation."""

    def __init__(
        self,
        edge_type: EdgeType,
        time: Tensor | None,
        features: Features | None,
        lasts: Sequence[int],
    ) -> None:
        self.edge_type, self.time, self.features, self.lasts = edge_type, time, features, lasts
        self.layout = TableLayout() if features is None else features.layout
        self.reaches = sorted({1, *lasts}) if time is not None else []
        # Codes 0 and 1 stand for missing and unknown; the others descend by frequency.
        self.codes = {
            column: range(2, min(cardinality, NUM_CODES + 2))
            for column, cardinality in enumerate(self.layout.cardinalities)
            if 2 < cardinality <= FEW_CODES
        }

    @property
    def names(self) -> Iterator[str]:
        """What `aggregate` returns, column by column."""
        table, key = self.edge_type[0], self.edge_type[1].removeprefix("f2p_")
        what = ["count", "none", *(f"days, last {n}" for n in self.reaches)]
        for last in self.lasts:
            what += [f"mean {name}, last {last}" for name in self.layout.numerical]
            named = [
                (self.layout.categorical[c], code) for c in self.codes for code in self.codes[c]
            ]
            what += [f"share {name} = code {code}, last {last}" for name, code in named]
        return (f"{table}.{key}: {part}" for part in what)

    def aggregate(self, rows: Tensor, ptr: Tensor, count: Tensor, time: Tensor) -> Tensor:
        """Aggregate the latest rows of each seed.

        Args:
            rows: [edges] int64 child rows, seed by seed, latest last.
            ptr: [n + 1] int64, where each seed's begin.
            count: [n] int64, how many the seed sees, those not drawn included.
            time: [n] int64 seconds of the seeds.
        Returns: [n, columns] float32.
        """
        parts = [count.float().log1p().unsqueeze(1), (count == 0).float().unsqueeze(1)]
        if self.time is not None:
            parts.append(self._days(self.time, rows, ptr, time))
        if self.layout.numerical or self.codes:
            parts.append(self._columns(rows, ptr).flatten(1))
        return torch.cat(parts, dim=1)

    def _days(self, known: Tensor, rows: Tensor, ptr: Tensor, time: Tensor) -> Tensor:
        """[n, reaches] log(1 + days) from the first of the latest rows to the seed."""
        if not rows.numel():
            return time.new_zeros(len(time), len(self.reaches), dtype=torch.float32)
        first = latest_starts(ptr, ptr.new_tensor(self.reaches)).clamp(max=len(rows) - 1)
        at = known[rows[first]]
        days = ((time.unsqueeze(1) - at) / DAY).clamp(0, MOST_DAYS)
        # A row that counts as known from the start is infinitely old; the difference would wrap.
        days = days.masked_fill(at == STATIC_TIME, MOST_DAYS)
        return days.log1p().masked_fill((ptr.diff() == 0).unsqueeze(1), 0.0)

    def _columns(self, rows: Tensor, ptr: Tensor) -> Tensor:
        """[n, lasts, columns] means and shares."""
        found, index = distinct(rows)
        lasts, numbers = ptr.new_tensor(self.lasts), len(self.layout.numerical)
        sums = latest_sums(self._values(found), index, latest_starts(ptr, lasts))
        size = ptr.diff().unsqueeze(1).minimum(lasts).clamp(min=1).unsqueeze(2)
        total, known, shares = sums.tensor_split([numbers, 2 * numbers], dim=2)
        return torch.cat([total / known.clamp(min=1), shares / size], dim=2)

    def _values(self, rows: Tensor) -> Tensor:
        """[rows, 2 numbers + codes] known numbers, whether they are known, and which code is."""
        assert self.features is not None
        blocks = self.features.gather(rows, ("numerical", "categorical"))
        parts = []
        if "numerical" in blocks:
            values = blocks["numerical"]
            parts += [values.nan_to_num(0.0).clamp(-BOUND, BOUND), (~values.isnan()).float()]
        for column, codes in self.codes.items():
            # One row per code: zeros for the first two and, at the end, for all without a share.
            units = torch.eye(len(codes) + 3, device=rows.device)[:, 2:-1]
            parts.append(units[blocks["categorical"][:, column].clamp(max=codes.stop)])
        return torch.cat(parts, dim=1)


def check_lasts(lasts: Sequence[int]) -> None:
    """Raises: ConfigError: they are not positive whole numbers that ascend, or there is none."""
    whole = lasts and all(isinstance(n, int) and not isinstance(n, bool) for n in lasts)
    if not (whole and lasts[0] >= 1 and all(a < b for a, b in pairwise(lasts))):
        raise ConfigError(
            f"aggregates={list(lasts)}: expected ascending numbers of rows, at least 1, such as "
            "[1, 5, 20], or None"
        )
