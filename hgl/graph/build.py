"""Database and GraphSpec to TemporalGraph."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from hgl.graph.edges import Empty
from hgl.graph.relations import (
    Relation,
    RelationStore,
    foreign_key_relations,
    write_relations,
)
from hgl.graph.row_edges import Parent, row_edge_relations, row_edge_types
from hgl.graph.sinks import sink_relations, sink_types
from hgl.graph.spec import GraphSpec, edge_keys, sink_of, why_no_edges
from hgl.graph.storage import in_files
from hgl.graph.temporal_graph import FeatureProvider, Features, TemporalGraph
from hgl.typing import EdgeType, NodeType, reverse_of

if TYPE_CHECKING:
    from hgl.db.database import Database
    from hgl.db.schema import Schema

logger = logging.getLogger(__name__)

VERSION = 5
"""Raised when relations are built differently, so that old cache entries are not read."""


def build_graph(
    db: Database, spec: GraphSpec | None = None, *, store: RelationStore | None = None
) -> TemporalGraph:
    """Draw a database as a temporal heterogeneous graph.

    Relations are built once per database, kept in the cache and memory-mapped; only key and time
    columns are read. Features are encoded when a loader first asks for them.

    Args:
        db: the database; of one cut by `upto`, later rows stay in place and are never visible.
        spec: what is drawn; everything by default.
        store: `build_store` of the whole database, opened once for many graphs that share it.
    Raises: SchemaError: the spec names something the database does not have, or a stored key
        points outside its parent.
    """
    spec = spec or GraphSpec()
    spec.check(db.schema)
    whole = dataclasses.replace(db, until=None)
    return TemporalGraph.from_store(
        dataclasses.replace(store or build_store(whole), visible_until=db.until),
        node_types=[*spec.tables(db.schema), *spec.edge_tables, *spec.sinks],
        edge_types=_edge_types(db.schema, spec),
        provider=_provider(whole, spec),
    )


def _edge_types(schema: Schema, spec: GraphSpec) -> list[EdgeType]:
    keys, forth = spec.fkeys(schema), list[EdgeType]()
    for table in spec.edge_tables:
        source, target = edge_keys(schema, table)
        keys += [(table, source), (table, target)]
        forth.append(row_edge_types(table, source.parent, target.parent)[0])
        if spec.null_keys == "sink":
            names, parents = (source.name, target.name), (source.parent, target.parent)
            forth += [e for kinds in sink_types(table, names, parents) for e in kinds]
    forth += [(child, f"f2p_{fkey.name}", fkey.parent) for child, fkey in keys]
    return [*forth, *map(reverse_of, forth)]


def build_store(db: Database) -> RelationStore:
    """Build, or find in the cache, every relation of a whole database."""
    from hgl.db.cache import digest, entry

    def build(folder: Path) -> None:
        empty = in_files(folder)
        times = {name: db.times(name, empty) for name in db.schema.tables}
        tensors = {n: None if t is None else torch.from_numpy(t) for n, t in times.items()}
        sizes = {name: table.num_rows for name, table in db.schema.tables.items()}
        for table in _tables_with_sinks(db.schema):
            sizes[sink_of(table)], tensors[sink_of(table)] = 1, None
        write_relations(folder, sizes, tensors, _relations(db, times, empty))

    return RelationStore.load(entry("relations", digest(db.fingerprint, VERSION), build))


def _relations(
    db: Database, times: Mapping[str, np.ndarray | None], empty: Empty
) -> Iterator[Relation]:
    for child in db.schema.tables.values():
        for fkey in child.fkeys:
            relations = foreign_key_relations(
                child.name,
                fkey.name,
                fkey.parent,
                _parent_rows(db, child.name, fkey.row_col, empty),
                num_parents=db.schema.table(fkey.parent).num_rows,
                child_time=times[child.name],
                parent_time=times[fkey.parent],
                empty=empty,
            )
            if hidden := relations[0].num_hidden:
                logger.info("%s.%s: %d edges of unknown time hidden", child.name, fkey.name, hidden)
            yield from relations
    for table in db.schema.tables:
        if why_no_edges(db.schema, table) is None:
            yield from _row_edges(db, table, times, empty)


def _row_edges(
    db: Database, table: str, times: Mapping[str, np.ndarray | None], empty: Empty
) -> Iterator[Relation]:
    first, second = (
        Parent(
            fkey.name,
            fkey.parent,
            _parent_rows(db, table, fkey.row_col, empty),
            db.schema.table(fkey.parent).num_rows,
            times[fkey.parent],
        )
        for fkey in edge_keys(db.schema, table)
    )
    relations = row_edge_relations(table, first, second, times[table], empty=empty)
    if null := relations[0].num_null:
        half = int(np.sum(first.is_named != second.is_named))
        told = "%s as edges: %d rows with a null key left out; null_keys='sink' keeps %d of them"
        logger.info(told, table, null, half)
    if hidden := relations[0].num_hidden:
        logger.info("%s as edges: %d edges of unknown time hidden", table, hidden)
    yield from relations
    if table in _tables_with_sinks(db.schema):
        yield from sink_relations(table, first, second, times[table])


def _tables_with_sinks(schema: Schema) -> list[str]:
    """Tables that may be edges and whose sink's name is no table's own."""
    return [
        table
        for table in schema.tables
        if why_no_edges(schema, table) is None and sink_of(table) not in schema.tables
    ]


def _parent_rows(db: Database, table: str, row_col: str, empty: Empty) -> np.ndarray:
    """[rows] int64 parent positions, -1 where the key is null or dangling."""
    import pyarrow as pa

    rows, end = empty(db.schema.table(table).num_rows, np.int64), 0
    for part in db.column(table, row_col):
        begin, end = end, end + len(part)
        rows[begin:end] = part.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return rows


def _provider(db: Database, spec: GraphSpec) -> FeatureProvider:
    def provide(
        stats_until: int, hidden: Collection[tuple[str, str]]
    ) -> Mapping[NodeType, Features]:
        from hgl.features.encode import encode, measure_tables
        from hgl.features.table import TableFeatures

        features = encode(db, measure_tables(db, stats_until=stats_until, hidden=hidden))
        return features | dict.fromkeys(spec.sinks, TableFeatures.empty(1))

    return provide
