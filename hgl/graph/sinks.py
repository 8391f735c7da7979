"""Sinks: what rows with one null key join where their table is drawn as edges.

A sink is a node type of one row, static and without columns. It leads to rows and no row leads to
it: two rows whose keys are null have nothing in common by that, so none reaches another through it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from hgl.graph.relations import Relation, relation_from_edges
from hgl.graph.row_edges import Parent, Times, row_edge_types, row_relation
from hgl.graph.spec import sink_of
from hgl.typing import EdgeType, reverse_of


def sink_types(
    table: str, fkeys: tuple[str, str], parents: tuple[str, str]
) -> list[tuple[EdgeType, EdgeType]]:
    """The relations from a table's sink, each with that along which a sample has its rows.

    First those of rows whose first key is null, to the second parent (`r2e_<table>`), then the
    others (`rev_r2e_<table>`). The rows come along `sink_f2p_<key>`, which tells them from those of
    which both keys are known.
    """
    to_second = row_edge_types(table, sink_of(table), parents[1])[0]
    to_first = row_edge_types(table, parents[0], sink_of(table))[1]
    return [
        (to_second, (table, f"sink_f2p_{fkeys[1]}", parents[1])),
        (to_first, (table, f"sink_f2p_{fkeys[0]}", parents[0])),
    ]


def sink_relations(
    table: str, first: Parent, second: Parent, row_time: Times
) -> Iterator[Relation]:
    """Draw each row that has one null key as an edge from the sink to the row its other key names.

    Both relations of `sink_types`, their reverses and the relations of their rows; all but the
    first two are empty. Of these two, `num_null` counts the rows whose keys are both null.

    Args:
        row_time: of `table`.
    Raises: SchemaError: a parent row is out of range.
    """
    kinds = sink_types(table, (first.fkey, second.fkey), (first.table, second.table))
    neither = int(np.sum(~first.is_named & ~second.is_named))
    for (edge_type, row_type), null, known in zip(kinds, (first, second), (second, first)):
        sink = Parent(null.fkey, edge_type[0], np.where(null.is_named, -1, 0), 1, None)
        edges = row_relation(edge_type, row_type, sink, known, row_time)
        yield dataclasses.replace(edges, num_null=neither)
        yield _empty(reverse_of(edge_type), known.num_rows, 1, are_rows=True)
        yield _empty(row_type, len(known.rows), known.num_rows)
        yield _empty(reverse_of(row_type), known.num_rows, len(known.rows))


def _empty(edge_type: EdgeType, num_src: int, num_dst: int, are_rows: bool = False) -> Relation:
    none = np.zeros(0, np.int64)
    rows = none if are_rows else None
    return relation_from_edges(
        edge_type, none, none, num_src=num_src, num_dst=num_dst, edge_row=rows
    )
