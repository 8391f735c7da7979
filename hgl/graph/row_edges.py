"""Tables drawn as edges: each row joins the two rows that its foreign keys name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hgl.errors import SchemaError
from hgl.graph.edges import Edges, Empty, row_parts
from hgl.graph.relations import Relation, relation_from_parts
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
    table: str, first: Parent, second: Parent, row_time: Times, *, empty: Empty = np.empty
) -> tuple[Relation, Relation]:
    """Draw a table as edges both ways: `r2e_<table>` to the second parent, `rev_r2e_<table>` back.

    One edge per row whose keys both name a row; the others are counted as `num_null`. An edge is as
    late as the later of its own row and its source, and hidden where a time is unknown.

    Args:
        row_time: of `table`.
        empty: makes the relations' arrays.
    Raises: SchemaError: a parent row is out of range.
    """
    there, back = row_edge_types(table, first.table, second.table)
    kinds = [(table, f"f2p_{end.fkey}", end.table) for end in (second, first)]
    return (
        row_relation(there, kinds[0], first, second, row_time, empty=empty),
        row_relation(back, kinds[1], second, first, row_time, empty=empty),
    )


def row_relation(
    edge_type: EdgeType,
    row_type: EdgeType,
    source: Parent,
    target: Parent,
    row_time: Times,
    *,
    empty: Empty = np.empty,
) -> Relation:
    """Draw one edge per row whose keys both name a row, from one of these to the other.

    Args:
        row_type: relation of the rows with the edges' targets.
        row_time: of the rows.
        empty: makes the relation's arrays.
    Raises: SchemaError: a parent row is out of range.
    """
    for end in (source, target):
        _check_rows(row_type[0], end)
    rows = _parts(source, row_time)

    def parts() -> Iterator[Edges]:
        for part in rows:
            kept = part.start + _joined(source, target, part)
            known = _known(row_time, kept)
            for end in (source, target):
                known &= _known(end.time, end.rows[kept])
            edges = kept[known]
            sources, targets = source.rows[edges], target.rows[edges]
            yield Edges(sources, targets, _later(row_time, edges, source.time, sources), edges)

    relation = relation_from_parts(
        edge_type, parts, num_src=source.num_rows, num_dst=target.num_rows, empty=empty
    )
    joined = sum(len(_joined(source, target, part)) for part in rows)
    return dataclasses.replace(
        relation,
        row_type=row_type,
        num_hidden=joined - relation.num_edges,
        num_null=len(source.rows) - joined,
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


def _parts(source: Parent, row_time: Times) -> list[slice]:
    """Parts in order of the edges' times: one alone where a source may be later than its row."""
    whole = [slice(0, len(source.rows))]
    if row_time is None:
        return whole
    parts = row_parts(row_time, len(source.rows))
    if source.time is None:
        return parts
    for part in parts:
        named = source.rows[part] >= 0
        if np.any(source.time[source.rows[part][named]] > row_time[part][named]):
            return whole
    return parts


def _joined(source: Parent, target: Parent, part: slice) -> np.ndarray:
    """Rows of a part, counted from its start, whose keys both name a row."""
    return np.flatnonzero((source.rows[part] >= 0) & (target.rows[part] >= 0))


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
