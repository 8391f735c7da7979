"""Which observers an audit has, whatever model is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from hgl.aggregates.enumerate import plan_features
from hgl.audit.observer import Batches, Columns, Observer, Statistics
from hgl.db.database import Database
from hgl.db.schema import Schema
from hgl.features.statistics import TableStatistics
from hgl.graph.sampler import Backend
from hgl.graph.spec import GraphSpec, why_no_edges
from hgl.tasks.seeds import SeedTable

_MOST = 64
"""Compiled columns that are compared."""


def standard_observers(
    db: Database,
    train: SeedTable,
    spec: GraphSpec | None,
    statistics: Mapping[str, TableStatistics],
) -> Iterator[Observer]:
    """Yield what sees batches of every drawing and sampler, compiled columns and statistics.

    Args:
        train: the training seeds.
        spec: a drawing beside those of all rows as nodes and all tables as edges that can be.
        statistics: of every table, without what the task hides.
    """
    for name, drawn in _drawings(db.schema, train, spec).items():
        for backend in _backends():
            yield Batches(drawn, name, backend, statistics)
    yield Columns(plan_features(db, statistics, train, most=_MOST))
    yield Statistics(train.stats_until, train.task.remove_columns)


def _drawings(schema: Schema, seeds: SeedTable, spec: GraphSpec | None) -> dict[str, GraphSpec]:
    asked = {seeds.task.entity_table}
    if seeds.task.destination is not None:
        asked.add(seeds.task.destination.dst_entity_table)
    edges = tuple(t for t in schema.tables if t not in asked and why_no_edges(schema, t) is None)
    found = {"all rows as nodes": GraphSpec()}
    if edges:
        found[f"{', '.join(edges)} as edges"] = GraphSpec(edge_tables=edges, null_keys="sink")
    if spec is not None and spec not in found.values():
        found["the graph asked about"] = spec
    return found


def _backends() -> list[Backend]:
    return ["numba", "torch"] if find_spec("numba") else ["torch"]
