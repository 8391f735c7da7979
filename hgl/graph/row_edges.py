"""Tables drawn as edges: each row joins the two rows that its foreign keys name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hgl.errors import SchemaError
from hgl.graph.relations import Relation, relation_from_edges
from hgl.typing import UNKNOWN_TIME, EdgeType, NodeType

Times = np.ndarray | None
"""[rows] int64 seconds of a table's rows; None for a static table."""


@dataclass(frozen=True)
class Parent:
    """What the rows of a table join at one end.

    Attributes:
        fkey: name of the key.
        table: the one that the key refers to.
        rows: [rows] row of that table that the key names, negative where it names none.
        num_rows: of that table.
        time: of that table.
    """

    fkey: str
    table: NodeType
    rows: np.ndarray
    num_rows: int
    time: Times

    @property
    def is_named(self) -> np.ndarray:
        """[rows] whether the key names a row."""
        return self.rows >= 0


def row_edge_types(table: str, source: str, target: str) -> tuple[EdgeType, EdgeType]:
    """The relations of a table drawn as edges, there and back."""
    return (source, f"r2e_{table}", target), (target, f"rev_r2e_{table}", source)


def row_edge_relations(
    table: str, first: Parent, second: Parent, row_time: Times
) -> tuple[Relation, Relation]:
    """Draw a table as edges both ways: `r2e_<table>` to the second parent, `rev_r2e_<table>` back.

    One edge per row whose keys both name a row; the others are counted as `num_null`. An edge is as
    late as the later of its own row and its source, and hidden where a time is unknown.

    Args:
        row_time: of `table`.
    Raises: SchemaError: a parent row is out of range.
    """
    there, back = row_edge_types(table, first.table, second.table)
    return (
        row_relation(there, (table, f"f2p_{second.fkey}", second.table), first, second, row_time),
        row_relation(back, (table, f"f2p_{first.fkey}", first.table), second, first, row_time),
    )


def row_relation(
    edge_type: EdgeType, row_type: EdgeType, source: Parent, target: Parent, row_time: Times
) -> Relation:
    """Draw one edge per row whose keys both name a row, from one of these to the other.

    Args:
        row_type: relation of the rows with the edges' targets.
        row_time: of the rows.
    Raises: SchemaError: a parent row is out of range.
    """
    for end in (source, target):
        _check_rows(row_type[0], end)
    kept = np.flatnonzero(source.is_named & target.is_named)
    known = _known(row_time, kept)
    for end in (source, target):
        known &= _known(end.time, end.rows[kept])
    edges = kept[known]
    relation = relation_from_edges(
        edge_type,
        source.rows[edges],
        target.rows[edges],
        num_src=source.num_rows,
        num_dst=target.num_rows,
        time=_later(row_time, edges, source.time, source.rows[edges]),
        edge_row=edges,
    )
    return dataclasses.replace(
        relation,
        row_type=row_type,
        num_hidden=len(kept) - len(edges),
        num_null=len(source.rows) - len(kept),
    )


def row_counts(relations: Mapping[EdgeType, Relation]) -> dict[str, dict[str, int]]:
    """Per relation whose edges are rows: how many are edges, and how many are not and why."""
    return {
        " ".join(edge_type): {
            "edges": relation.num_edges,
            "unknown_time": relation.num_hidden,
            "null_key": relation.num_null,
        }
        for edge_type, relation in relations.items()
        if relation.row_type is not None
    }


def _check_rows(table: str, parent: Parent) -> None:
    last = parent.rows.max(initial=-1)
    if last >= parent.num_rows:
        raise SchemaError(
            f"table {table!r} drawn as edges: row {last} of {parent.table!r}, expected 0 to "
            f"{parent.num_rows - 1}"
        )


def _known(time: Times, rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), bool) if time is None else time[rows] != UNKNOWN_TIME


def _later(own: Times, edges: np.ndarray, source: Times, rows: np.ndarray) -> Times:
    """[edges] the later of two times, each None where always known."""
    times = [time[of] for time, of in ((own, edges), (source, rows)) if time is not None]
    return np.maximum.reduce(times) if times else None
