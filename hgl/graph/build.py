"""Database and GraphSpec to TemporalGraph."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from hgl.graph.relations import (
    Relation,
    RelationStore,
    foreign_key_relations,
    write_relations,
)
from hgl.graph.row_edges import row_edge_relations, row_edge_types
from hgl.graph.spec import GraphSpec, edge_keys, why_no_edges
from hgl.graph.temporal_graph import FeatureProvider, Features, TemporalGraph
from hgl.typing import EdgeType, NodeType, reverse_of

if TYPE_CHECKING:
    from hgl.db.database import Database

logger = logging.getLogger(__name__)

VERSION = 3
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
    keys, edge_types = spec.fkeys(db.schema), list[EdgeType]()
    for table in spec.edge_tables:
        source, target = edge_keys(db.schema, table)
        edge_types += row_edge_types(table, source.parent, target.parent)
        keys += [(table, source), (table, target)]
    for child, fkey in keys:
        forth = (child, f"f2p_{fkey.name}", fkey.parent)
        edge_types += [forth, reverse_of(forth)]
    whole = dataclasses.replace(db, until=None)
    return TemporalGraph.from_store(
        dataclasses.replace(store or build_store(whole), visible_until=db.until),
        node_types=[*spec.tables(db.schema), *spec.edge_tables],
        edge_types=edge_types,
        provider=_provider(whole),
    )


def build_store(db: Database) -> RelationStore:
    """Build, or find in the cache, every relation of a whole database."""
    from hgl.db.cache import digest, entry

    def build(folder: Path) -> None:
        times = {name: db.times(name) for name in db.schema.tables}
        tensors = {n: None if t is None else torch.from_numpy(t) for n, t in times.items()}
        sizes = {name: table.num_rows for name, table in db.schema.tables.items()}
        write_relations(folder, sizes, tensors, _relations(db, times))

    return RelationStore.load(entry("relations", digest(db.fingerprint, VERSION), build))


def _relations(db: Database, times: Mapping[str, np.ndarray | None]) -> Iterator[Relation]:
    for child in db.schema.tables.values():
        for fkey in child.fkeys:
            relations = foreign_key_relations(
                child.name,
                fkey.name,
                fkey.parent,
                _parent_rows(db, child.name, fkey.row_col),
                num_parents=db.schema.table(fkey.parent).num_rows,
                child_time=times[child.name],
                parent_time=times[fkey.parent],
            )
            if hidden := relations[0].num_hidden:
                logger.info("%s.%s: %d edges of unknown time hidden", child.name, fkey.name, hidden)
            yield from relations
    for table in db.schema.tables:
        if why_no_edges(db.schema, table) is None:
            yield from _row_edges(db, table, times)


def _row_edges(
    db: Database, table: str, times: Mapping[str, np.ndarray | None]
) -> tuple[Relation, Relation]:
    first, second = edge_keys(db.schema, table)
    relations = row_edge_relations(
        table,
        (first.name, second.name),
        (first.parent, second.parent),
        (_parent_rows(db, table, first.row_col), _parent_rows(db, table, second.row_col)),
        num_parents=(
            db.schema.table(first.parent).num_rows,
            db.schema.table(second.parent).num_rows,
        ),
        row_time=times[table],
        parent_times=(times[first.parent], times[second.parent]),
    )
    if null := relations[0].num_null:
        logger.info("%s as edges: %d rows left out, a key of theirs is null", table, null)
    if hidden := relations[0].num_hidden:
        logger.info("%s as edges: %d edges of unknown time hidden", table, hidden)
    return relations


def _parent_rows(db: Database, table: str, row_col: str) -> np.ndarray:
    """[rows] int64 parent positions, -1 where the key is null or dangling."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = pq.read_table(db.path(table), columns=[row_col]).column(0)
    return column.cast(pa.int64()).fill_null(-1).to_numpy()


def _provider(db: Database) -> FeatureProvider:
    def provide(
        stats_until: int, hidden: Collection[tuple[str, str]]
    ) -> Mapping[NodeType, Features]:
        from hgl.features.encode import encode, measure_tables

        return encode(db, measure_tables(db, stats_until=stats_until, hidden=hidden))

    return provide
