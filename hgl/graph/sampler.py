"""Temporal neighbour sampling: per seed disjoint, nothing later than the seed, on CPU and CUDA."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, Protocol, get_args

import numpy as np
import torch
from torch import Tensor

from hgl.errors import ConfigError, LeakageError, SchemaError
from hgl.graph.draws import random_keys
from hgl.graph.edge_rows import with_edge_rows, without_walks
from hgl.graph.sample import Layout, NumNeighbors, Sample
from hgl.graph.temporal_graph import TemporalGraph
from hgl.graph.visible import num_visible
from hgl.typing import UNKNOWN_TIME, Cut, NodeType

Strategy = Literal["uniform", "last"]
"""`uniform`: a uniform subset of the visible edges; `last`: the most recent ones."""
Backend = Literal["auto", "numba", "torch"]


class SamplerBackend(Protocol):
    """How a walk is done."""

    def sample(
        self, entity: int, rows: Tensor, limit: Tensor, floor: Tensor | None, keys: Tensor
    ) -> Sample:
        """Sample seeds ([n] rows of node type `entity`) that see floor < time <= limit."""


class TemporalSampler:
    """Samples what seeds can see.

    From each seed the walk goes `len(num_neighbors)` hops. A row found twice by one seed is one
    copy, expanded once, in the hop after it was found, over every relation that enters its type.

    Args:
        graph: the graph; its device is where the torch backend works.
        num_neighbors: edges per target and hop at most, -1 for all: one list for every relation,
            or a list per edge type.
        strategy: which edges are kept where there are more.
        window: seconds; rows of timed tables must be later than the limit minus this; through a
            table drawn as edges, either the row found or the edge's own must be. None: no bound.
        cut: `inclusive` admits rows at the limit, `strict` only earlier ones. The seed's own row
            may stand at its limit under both.
        backend: `numba` (CPU), `torch` (any device) or `auto`: numba on a CPU.
        threads: that share the seeds (numba); the sample is the same for any number.
    Raises: ConfigError: an argument is out of range or does not fit the graph.
    """

    def __init__(
        self,
        graph: TemporalGraph,
        num_neighbors: NumNeighbors,
        *,
        strategy: Strategy = "uniform",
        window: int | None = None,
        cut: Cut = "inclusive",
        backend: Backend = "auto",
        threads: int = 1,
    ) -> None:
        for name, value, known in (
            ("strategy", strategy, get_args(Strategy)),
            ("cut", cut, get_args(Cut)),
            ("backend", backend, get_args(Backend)),
        ):
            if value not in known:
                raise ConfigError(f"{name}={value!r}: expected one of {', '.join(known)}")
        if window is not None and window < 1:
            raise ConfigError(f"window={window}: expected whole seconds, at least 1, or None")
        if threads < 1:
            raise ConfigError(f"threads={threads}: expected at least 1")
        self.graph, self.window, self.cut = graph, window, cut
        layout = Layout.of(graph.node_types, graph.edge_types, num_neighbors)
        self._row_types = graph.row_types
        self.layout = without_walks(layout, self._row_types)
        self._backend = self._choose(backend, strategy == "last", threads)

    def sample(
        self,
        entity: NodeType,
        rows: Tensor,
        until: Tensor,
        *,
        keys: Tensor | None = None,
    ) -> Sample:
        """Sample the neighbourhoods of some seeds.

        Args:
            entity: node type of the seeds.
            rows: [n] int64 rows of the seeds.
            until: [n] int64 seconds, each seed's limit: what it sees is no later.
            keys: [n] int64 random keys (see `random_keys`), which alone decide the picks.
        Raises: SchemaError: the graph has no such node type or row. LeakageError: a seed's own
            row is later than its limit.
        """
        until = check_seeds(self.graph, entity, rows, until)
        if keys is None:
            keys = random_keys(0, 0, torch.arange(len(rows), device=rows.device))
        position = self.layout.node_types.index(entity)
        sample = self._backend.sample(position, rows, *self._bounds(until), keys)
        return with_edge_rows(sample, self._row_types)

    def count(self, entity: NodeType, rows: Tensor, until: Tensor) -> Tensor:
        """Count all edges that some seeds see, those that `sample` would not pick included.

        Args:
            entity, rows, until: as for `sample`.
        Returns: [n, relations] int64, over the relations that enter `entity`, in the layout's
            order.
        Raises: SchemaError, LeakageError: as `sample` says.
        """
        limit, floor = self._bounds(check_seeds(self.graph, entity, rows, until))
        entering = [self.graph.relations[e] for e in self.layout.edge_types if e[2] == entity]
        counts = [num_visible(relation, rows, limit, floor) for relation in entering]
        return torch.stack(counts, 1) if counts else rows.new_empty(len(rows), 0)

    def _bounds(self, until: Tensor) -> tuple[Tensor, Tensor | None]:
        """(limit, floor): a seed sees what has floor < time <= limit."""
        limit = until - 1 if self.cut == "strict" else until
        return limit, None if self.window is None else until - self.window

    def _choose(self, backend: Backend, latest: bool, threads: int) -> SamplerBackend:
        on_cpu = self.graph.device.type == "cpu"
        if backend == "numba" and not on_cpu:
            raise ConfigError("backend='numba': expected a graph on the CPU")
        found = find_spec("numba") is not None
        if backend == "numba" and not found:
            raise ConfigError("backend='numba': numba is not installed; expected auto or torch")
        if on_cpu and found and backend != "torch":
            from hgl.graph.sampler_numba import NumbaBackend

            return NumbaBackend(self.graph, self.layout, latest=latest, threads=threads)
        from hgl.graph.sampler_torch import TorchBackend

        return TorchBackend(self.graph, self.layout, latest=latest)


def check_seeds(graph: TemporalGraph, entity: NodeType, rows: Tensor, until: Tensor) -> Tensor:
    """Check that seeds exist and are known at their limit.

    Returns: [n] the limits, no later than the graph's own.
    Raises: SchemaError, LeakageError: as `TemporalSampler.sample` says.
    """
    if entity not in graph.num_nodes:
        raise SchemaError(f"entity table {entity!r}: the graph has {', '.join(graph.node_types)}")
    count = graph.num_nodes[entity]
    if rows.numel() and not (int(rows.min()) >= 0 and int(rows.max()) < count):
        raise SchemaError(
            f"seeds name rows {int(rows.min())} to {int(rows.max())} of {entity!r}: "
            f"expected 0 to {count - 1}"
        )
    if graph.visible_until is not None:
        until = until.clamp(max=graph.visible_until)
    time = graph.time[entity]
    if time is None:
        return until
    late = (time[rows] > until).nonzero().flatten()
    if late.numel():
        row, limit = int(rows[late[0]]), int(until[late[0]])
        raise LeakageError(
            f"{late.numel()} of {rows.numel()} seeds are later than what they may see: row {row} "
            f"of {entity!r} has time {_text(int(time[row]))}, limit {_text(limit)}"
        )
    return until


def _text(instant: int) -> str:
    return "unknown" if instant == UNKNOWN_TIME else str(np.datetime64(instant, "s"))
