"""Tables drawn as edges: each row joins the two rows that its foreign keys name."""

from __future__ import annotations

import dataclasses

import numpy as np

from hgl.errors import SchemaError
from hgl.graph.relations import Relation, relation_from_edges
from hgl.typing import UNKNOWN_TIME, EdgeType

Times = np.ndarray | None
"""[rows] int64 seconds of a table's rows; None for a static table."""


def row_edge_types(table: str, source: str, target: str) -> tuple[EdgeType, EdgeType]:
    """The relations of a table drawn as edges, there and back."""
    return (source, f"r2e_{table}", target), (target, f"rev_r2e_{table}", source)


def row_edge_relations(
    table: str,
    fkeys: tuple[str, str],
    parents: tuple[str, str],
    parent_rows: tuple[np.ndarray, np.ndarray],
    *,
    num_parents: tuple[int, int],
    row_time: Times,
    parent_times: tuple[Times, Times],
) -> tuple[Relation, Relation]:
    """Draw a table as edges both ways: `r2e_<table>` to the second parent, `rev_r2e_<table>` back.

    One edge per row whose keys both name a row; the others are counted as `num_null`. An edge is as
    late as the later of its own row and its source, and hidden where a time is unknown.

    Args:
        fkeys: names of the two keys.
        parents: tables of the first and the second key.
        parent_rows: [rows] each, row that a key names, negative where it names none.
        row_time: of `table`.
    Raises: SchemaError: a parent row is out of range.
    """
    first, second = parent_rows
    whole = (first >= 0) & (second >= 0)
    for rows, name, count in zip(parent_rows, parents, num_parents, strict=True):
        if rows.max(initial=-1) >= count:
            raise SchemaError(
                f"table {table!r} drawn as edges: row {rows.max()} of {name!r}, expected 0 to "
                f"{count - 1}"
            )
    kept = np.flatnonzero(whole)
    known = _known(row_time, kept)
    for time, rows in zip(parent_times, parent_rows, strict=True):
        known &= _known(time, rows[kept])
    edges = kept[known]
    made = []
    for edge_type, source, target in zip(row_edge_types(table, *parents), (0, 1), (1, 0)):
        relation = relation_from_edges(
            edge_type,
            parent_rows[source][edges],
            parent_rows[target][edges],
            num_src=num_parents[source],
            num_dst=num_parents[target],
            time=_later(row_time, edges, parent_times[source], parent_rows[source][edges]),
            edge_row=edges,
        )
        made.append(
            dataclasses.replace(
                relation,
                row_type=(table, f"f2p_{fkeys[target]}", parents[target]),
                num_hidden=len(kept) - len(edges),
                num_null=len(whole) - len(kept),
            )
        )
    return made[0], made[1]


def _known(time: Times, rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), bool) if time is None else time[rows] != UNKNOWN_TIME


def _later(own: Times, edges: np.ndarray, source: Times, rows: np.ndarray) -> Times:
    """[edges] the later of two times, each None where always known."""
    times = [time[of] for time, of in ((own, edges), (source, rows)) if time is not None]
    return np.maximum.reduce(times) if times else None
